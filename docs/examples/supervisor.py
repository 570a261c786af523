"""A supervisor and two workers with one ledger and one budget: who cost what, and 2 USD at most."""

from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI

from lc_asym_router import AsymRouter, Budget, Ledger, Price, Tier

ledger = Ledger("sqlite:///team.sqlite3")
budget = Budget(usd=2, per="day", on_exhausted="small", max_output_tokens=1000)


def router(name: str) -> AsymRouter:
    """A router of one member of the team; all share the ledger and the budget."""
    return AsymRouter(
        small=Tier(ChatOllama(model="llama3.1:8b"), price=Price(0, 0)),
        frontier=Tier(ChatOpenAI(model="gpt-4o"), price=Price(2.50, 10.00)),
        callbacks=[ledger],
        budgets=[budget],
        tags=[name],
    )


researcher = create_agent(model=router("researcher"), tools=[])
writer = create_agent(model=router("writer"), tools=[])


@tool
def research(question: str) -> str:
    """Find out facts."""
    return str(researcher.invoke({"messages": [("human", question)]})["messages"][-1].text)


@tool
def write(task: str) -> str:
    """Write a text from facts."""
    return str(writer.invoke({"messages": [("human", task)]})["messages"][-1].text)


supervisor = create_agent(model=router("supervisor"), tools=[research, write])
said = supervisor.invoke({"messages": [("human", "Research the question how tall the Alps are.")]})
print(said["messages"][-1].text)

ledger.flush()
for row in ledger.rows(by="tag"):
    print(row["tag"], row["requests"], "requests,", row["cost_usd"], "USD")
print("left today:", budget.balance()["usd"]["left"])
