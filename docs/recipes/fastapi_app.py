"""FastAPI: one router for the app, and a ledger that is written before the server ends.

uvicorn fastapi_app:app
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from lc_asym_router import AsymRouter, Ledger

ledger = Ledger("sqlite:///router.sqlite3")
found: dict[str, AsymRouter] = {}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    found["router"] = AsymRouter.from_env(callbacks=[ledger])
    async with ledger.lifespan(app):
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/answer")
async def answer(question: str) -> dict[str, str]:
    message = await found["router"].ainvoke(question)
    return {"answer": str(message.text), "tier": message.response_metadata["router"]["tier"]}
