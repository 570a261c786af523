"""A chain: prompt, router, parser; then what the router did, and what it saved."""

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI

from lc_asym_router import AsymRouter, Price, Tier

router = AsymRouter(
    small=Tier(ChatOllama(model="llama3.1:8b"), price=Price(0, 0)),
    frontier=Tier(ChatOpenAI(model="gpt-4o"), price=Price(2.50, 10.00)),
)
prompt = ChatPromptTemplate.from_template("In one sentence: {question}")

chain = prompt | router | StrOutputParser()
print(chain.invoke({"question": "What is the capital of France?"}))

answer = (prompt | router).invoke({"question": "Please analyze this clause."})
record = answer.response_metadata["router"]
print(record["tier"], record["decision"]["reason"])
print("cost:", record["cost_usd"], "saved:", record["saved_usd"])
