"""Spark: an iterator UDF builds one router for each Python worker, not one for each row."""

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import pandas as pd
from pyspark.sql.functions import pandas_udf

from lc_asym_router import RouterSpec

SPEC = RouterSpec.from_toml(os.environ.get("ROUTER", "router.toml"))  # pickled into each task


@pandas_udf("string")
def answer(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
    router = SPEC.build()

    async def asked(batch: pd.Series) -> list[Any]:
        return await router.abatch(list(batch), {"max_concurrency": 8}, return_exceptions=True)

    for batch in batches:
        found = asyncio.run(asked(batch))
        yield pd.Series([None if isinstance(each, Exception) else each.text for each in found])
