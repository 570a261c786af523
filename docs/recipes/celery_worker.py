"""Celery: each worker builds its router once, from the description in a file.

celery -A celery_worker worker --concurrency 4
"""

import os
from functools import cache

from celery import Celery
from celery.signals import worker_process_shutdown

from lc_asym_router import AsymRouter, RouterSpec

app = Celery("answers", broker=os.environ.get("BROKER", "memory://"), backend="cache+memory://")


@cache
def router() -> AsymRouter:
    return RouterSpec.from_toml(os.environ.get("ROUTER", "router.toml")).build()


@app.task(autoretry_for=(ConnectionError,), retry_backoff=True)
def answer(question: str) -> dict[str, str]:
    message = router().invoke(question)
    return {"answer": str(message.text), "tier": message.response_metadata["router"]["tier"]}


@worker_process_shutdown.connect
def written(**_: object) -> None:
    if router.cache_info().currsize:
        for handler in router().callbacks or ():
            handler.close()  # the ledger's last rows
