"""An agent that asks a person before it sends mail; the turn goes on where it stopped, on its tier."""

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.tools import tool
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from lc_asym_router import AsymRouter

sent = []


@tool
def send_mail(to: str, text: str) -> str:
    """Send a mail to somebody."""
    sent.append(to)
    return f"Sent to {to}."


router = AsymRouter(small=ChatOllama(model="llama3.1:8b"), frontier=ChatOpenAI(model="gpt-4o"))
agent = create_agent(
    model=router,
    tools=[send_mail],
    middleware=[HumanInTheLoopMiddleware(interrupt_on={"send_mail": True})],
    checkpointer=InMemorySaver(),
)
thread = {"configurable": {"thread_id": "monday"}}

paused = agent.invoke({"messages": [("human", "Send mail to Ann that I am late.")]}, thread)
(request,) = paused["__interrupt__"][0].value["action_requests"]
print("may it?", request["name"], sorted(request["args"]))
print("sent before anybody said yes:", len(sent))

done = agent.invoke(Command(resume={"decisions": [{"type": "approve"}]}), thread)
print(done["messages"][-1].text)
print("sent:", len(sent))
for message in done["messages"]:
    if record := message.response_metadata.get("router"):
        print(record["tier"], record["decision"]["reason"])
