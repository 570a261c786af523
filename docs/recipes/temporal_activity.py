"""Temporal: an activity for one request, tried again where no tier could answer."""

import os
from functools import cache

from temporalio import activity
from temporalio.exceptions import ApplicationError

from lc_asym_router import AsymRouter, BudgetExceededError, RouterSpec


@cache
def router() -> AsymRouter:
    return RouterSpec.from_toml(os.environ.get("ROUTER", "router.toml")).build()


@activity.defn
async def answer(question: str) -> str:
    try:
        return str((await router().ainvoke(question)).text)
    except BudgetExceededError as error:  # trying again would not help
        raise ApplicationError(str(error), non_retryable=True) from error
