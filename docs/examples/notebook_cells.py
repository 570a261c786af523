"""The cells of a notebook (`# %%`): a request as it happens, its timeline, a comparison."""

# %%
import asyncio

from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI

from lc_asym_router import AsymRouter, Price, Tier

router = AsymRouter(
    small=Tier(ChatOllama(model="llama3.1:8b"), price=Price(0, 0)),
    frontier=Tier(ChatOpenAI(model="gpt-4o"), price=Price(2.50, 10.00)),
)
print(router)  # in a notebook, `router` alone: a table of its tiers, checks and prices

# %% In a notebook: `record = await router.watch(...)`, which draws the graph as the request runs.
record = asyncio.run(router.watch("What is the capital of France?"))

# %% In a notebook: its timeline and its bill.
print(record)

# %% What each tier would say, side by side.
print(router.compare("What is the capital of France?"))

# %% Why it went there.
print(router.explain("Please analyze this clause."))
