"""One request of three parts: each part is routed for itself, and the answers are put together."""

from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI

from lc_asym_router import AsymRouter, Decomposer, Price, Tier
from lc_asym_router.decompose import ascii_drawing

router = AsymRouter(
    small=Tier(ChatOllama(model="llama3.1:8b"), price=Price(0, 0)),
    frontier=Tier(ChatOpenAI(model="gpt-4o"), price=Price(2.50, 10.00)),
)
answer = Decomposer(router=router).invoke(
    "1. What is the capital of France?\n"
    "2. Please analyze the trade-offs of two-phase commit.\n"
    "3. Translate 'good morning' into Spanish."
)
print(answer.text)

record = answer.response_metadata["router"]
print(ascii_drawing(record))
print("cost:", record["cost_usd"], "saved:", record["saved_usd"])
