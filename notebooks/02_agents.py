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
# two scripted servers answer in their place: real HTTP, real `ChatOllama` and `ChatOpenAI`, but
# no model behind them. The subgraph runs on the embedded pair again.

# %%
# Installs what is missing. ROUTER_MODELS=real (or write "real" here): your own Ollama and OpenAI.
import os

from prepare import install, pair
from tool_calling import tool_pair

install()
MODELS = os.environ.get("ROUTER_MODELS", "embedded")

# %% [markdown]
# ## As an agent's model
#
# `create_agent` takes it as it takes any chat model. Tools are bound for each tier in its own
# dialect.

# %%
from langchain.agents import create_agent
from langchain_core.tools import tool

from lc_asym_router import AsymRouter


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"It rains in {city}."


settings, scripted = tool_pair(MODELS)
router = AsymRouter(**settings)
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

if scripted:
    scripted.small_slips("wether", city="Bonn")
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
    model=settings["frontier"].model,
    tools=[weather],
    middleware=[AsymRouterMiddleware(**settings)],
)
said = agent.invoke({"messages": [("human", "How is the weather in 'Rome'?")]})
show(said["router_record"])

# %% [markdown]
# ## As a subgraph
#
# `router.graph` is the compiled graph; its state has `messages`, so it is a node of any graph
# over `MessagesState`. From here on the embedded pair answers.

# %%
local = AsymRouter(**pair(MODELS))
local.graph

# %%
from langchain_core.messages import AIMessage
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
