# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 2. The router in agents and graphs
#
# As an agent's model, as middleware, and as a subgraph of a bigger graph.
#
# **The embedded models don't call tools** (they write JSON into the text), so in the first parts
# a scripted chat model of a few lines answers in their place, as both tiers. The subgraph runs on
# the embedded pair again.

# %%
# Installs what is missing. ROUTER_MODELS=real (or write "real" here): your own Ollama and OpenAI.
import os
import subprocess
import sys
from importlib import invalidate_caches
from importlib.util import find_spec
from pathlib import Path

NEEDED = "lc_asym_router ipywidgets matplotlib langchain xllamacpp sklearn genai_prices pandas"
if not all(map(find_spec, NEEDED.split())):
    clone = Path("..").resolve()
    package = clone if (clone / "lc_asym_router").is_dir() else "lc-asym-router"
    package = f"{package}[notebook,plots,langchain,embedded,evals,prices,report]"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", package], check=True)
    invalidate_caches()  # the kernel has looked into these folders before
MODELS = os.environ.get("ROUTER_MODELS", "embedded")

# %% [markdown]
# ## As an agent's model
#
# `create_agent` takes it as it takes any chat model. Tools are bound for each tier in its own
# dialect.

# %%
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI

from lc_asym_router import AsymRouter, Power, Price, Tier
from lc_asym_router.embedded import embedded_frontier, embedded_small

slips = []  # names of tools that the scripted model gets wrong next


class Scripted(BaseChatModel):
    """Stands in for a model that calls tools: asks for the weather, then says what it is."""

    model: str

    @property
    def _llm_type(self):
        return "scripted"

    def bind_tools(self, tools, **kwargs):
        return self.bind(**kwargs)

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        latest = messages[-1]
        if latest.type == "tool":
            said = AIMessage(f"The tool says: {latest.text}")
        else:
            name = slips.pop() if slips else "weather"
            city = latest.text.split("'")[1]
            said = AIMessage("", tool_calls=[{"name": name, "args": {"city": city}, "id": city}])
        return ChatResult(generations=[ChatGeneration(message=said)])


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"It rains in {city}."


if MODELS == "real":
    small = ChatOllama(model="llama3.1:8b", num_ctx=8192)
    frontier = ChatOpenAI(model="gpt-4o")
else:
    small, frontier = Scripted(model="scripted-small"), Scripted(model="scripted-frontier")
small = Tier(small, price=Power(watts=30, usd_per_kwh=0.30))
frontier = Tier(frontier, price=Price(2.50, 10.00))
router = AsymRouter(small=small, frontier=frontier)
agent = create_agent(model=router, tools=[weather])
said = agent.invoke({"messages": [("human", "How is the weather in 'Bonn'?")]})
for message in said["messages"]:
    message.pretty_print()

# %% [markdown]
# ## A turn stays on its tier
#
# The first call of a turn is decided; the calls after its tools stay where the first one went,
# since the records on the turn's messages say so. No session store is needed.

# %%
import pandas


def calls(messages):
    """One row a model call: who answered, and what decided."""
    records = [m.response_metadata["router"] for m in messages if m.type == "ai"]
    return pandas.DataFrame(
        {
            "answered by": record["tier"],
            "decided by": record["decision"]["classifier"],
            "why": record["decision"]["reason"],
        }
        for record in records
    )


calls(said["messages"])

# %% [markdown]
# Here the small model calls a tool that is not there. The check rejects the call, the frontier
# makes the right one, and the rest of the turn stays with it.

# %%
from lc_asym_router.notebook import show

slips.append("wether")  # of the scripted model; a real one makes its own mistakes
said = agent.invoke({"messages": [("human", "How is the weather in 'Bonn'?")]})
show(said["messages"][1])
calls(said["messages"])

# %% [markdown]
# ## As middleware
#
# Beside LangChain's own middleware, with a router's settings; without `frontier` among them, the
# agent's own model is the frontier. The agent's state has the record of its latest call.

# %%
from lc_asym_router import AsymRouterMiddleware

agent = create_agent(
    model=frontier.model,
    tools=[weather],
    middleware=[AsymRouterMiddleware(small=small, frontier=frontier)],
)
said = agent.invoke({"messages": [("human", "How is the weather in 'Rome'?")]})
show(said["router_record"])

# %% [markdown]
# ## As a subgraph
#
# `router.graph` is the compiled graph; its state has `messages`, so it is a node of any graph
# over `MessagesState`. From here on the embedded pair answers.

# %%
if MODELS != "real":
    small = Tier(embedded_small(num_predict=256, seed=1), price=Power(30, usd_per_kwh=0.30))
    frontier = Tier(embedded_frontier(), price=Price(2.50, 10.00))
local = AsymRouter(small=small, frontier=frontier)
local.graph

# %%
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph


class Desk(MessagesState):
    """A help desk's state: the conversation, and whose desk it is on."""

    topic: str


def sort_in(state):
    """Whose desk is it?"""
    money = any(word in state["messages"][-1].text for word in ("refund", "invoice"))
    return {"topic": "billing" if money else "general"}


def hand_over(state):
    """Billing is for people."""
    return {"messages": [AIMessage("A colleague from billing will write to you.")]}


desk = StateGraph(Desk)
desk.add_node("sort_in", sort_in)
desk.add_node("answer", local.graph)
desk.add_node("hand_over", hand_over)
desk.add_edge(START, "sort_in")
desk.add_conditional_edges(
    "sort_in", lambda state: "hand_over" if state["topic"] == "billing" else "answer"
)
graph = desk.compile(checkpointer=InMemorySaver())
thread = {"configurable": {"thread_id": "1"}}
for question in ("I want a refund.", "What is the opposite of 'cold'? One word."):
    answered = graph.invoke({"messages": [("human", question)]}, thread)
    print(f"{question} -> {answered['messages'][-1].text}")
show(answered["messages"][-1])

# %% [markdown]
# In the parent's `messages` stream the answer is seen once, and a rejected draft never: here the
# small model's answer fails its check.

# %%
asked = {"messages": [("human", "What is 17 times 23? Answer with the number only.")]}
for _, (chunk, told) in graph.stream(asked, thread, stream_mode="messages", subgraphs=True):
    if chunk.text and chunk.type != "human":
        print(f"{told['langgraph_node']}: {chunk.text!r}")
