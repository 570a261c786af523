"""A web app that streams answers as server-sent events; each user has 5 USD a day."""

import json
from collections.abc import AsyncIterator

from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from lc_asym_router import AsymRouter, Budget, BudgetExceededError, BudgetStore, Price, Tier

router = AsymRouter(
    small=Tier(ChatOllama(model="llama3.1:8b"), price=Price(0, 0)),
    frontier=Tier(ChatOpenAI(model="gpt-4o"), price=Price(2.50, 10.00)),
    budgets=[
        Budget(
            usd=5,
            per="tag",
            tag="user:*",  # each user's own, whatever other tags there are
            every="day",
            store=BudgetStore("sqlite:///budgets.sqlite3"),
            max_output_tokens=1000,
        )
    ],
)


async def events(question: str, user: str) -> AsyncIterator[str]:
    """The answer's pieces as they come, then what it cost; an error is an event too."""
    whole = None
    try:
        async for chunk in router.astream(question, {"tags": [f"user:{user}"]}):
            whole = chunk if whole is None else whole + chunk
            if chunk.text:
                yield f"data: {json.dumps({'text': chunk.text})}\n\n"
    except BudgetExceededError as error:
        yield f"event: error\ndata: {json.dumps({'message': str(error)})}\n\n"
        return
    record = whole.response_metadata["router"]
    said = {"tier": record["tier"], "cost_usd": record["cost_usd"]}
    yield f"event: done\ndata: {json.dumps(said)}\n\n"


async def answer(request: Request) -> StreamingResponse:
    """Answer one question; the user's name comes from your own log-in."""
    asked = await request.json()
    stream = events(asked["question"], request.headers["x-user"])
    return StreamingResponse(stream, media_type="text/event-stream")


app = Starlette(routes=[Route("/answer", answer, methods=["POST"])])
