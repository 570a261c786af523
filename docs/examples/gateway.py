"""OpenAI's own client, unchanged, before the router, which the gateway serves from a thread."""

import threading
import time

import uvicorn
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI
from openai import OpenAI

from lc_asym_router import AsymRouter, Price, Tier
from lc_asym_router.gateway import gateway_app

router = AsymRouter(
    small=Tier(ChatOllama(model="llama3.1:8b"), price=Price(0, 0)),
    frontier=Tier(ChatOpenAI(model="gpt-4o"), price=Price(2.50, 10.00)),
)
# In production: `lc-asym-router serve gateway.toml`, with keys and a database.
server = uvicorn.Server(uvicorn.Config(gateway_app(router), port=0, log_level="warning"))
serving = threading.Thread(target=server.run)
serving.start()
while not server.started:
    time.sleep(0.01)
port = server.servers[0].sockets[0].getsockname()[1]

client = OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none")


def asked(question: str) -> list[dict[str, str]]:
    """A question as messages."""
    return [{"role": "user", "content": question}]


for question in ("What is the capital of France?", "Please analyze this clause."):
    said = client.chat.completions.create(model="auto", messages=asked(question))
    print(f"{said.router['tier']}: {said.choices[0].message.content}")
    print(f"  {said.usage.total_tokens} tokens, {said.router['cost_usd']} USD in all")

stream = client.chat.completions.create(
    model="frontier", messages=asked("Who wrote Faust?"), stream=True
)
print("".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices))
print("models:", *(model.id for model in client.models.list()))

server.should_exit = True
serving.join()
