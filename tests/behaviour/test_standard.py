"""LangChain's own standard suite on AsymRouter.

One of its tests is skipped, `test_serdes`: `langchain_core.load` revives only classes on LangChain's
own list, so that no third-party chat model can pass it; `is_lc_serializable` is False, as it should
be then.
"""

from __future__ import annotations

from typing import Any

from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI
from langchain_tests.unit_tests import ChatModelUnitTests

from lc_asym_router import AsymRouter


class TestAsymRouterUnit(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[AsymRouter]:
        return AsymRouter

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {
            "small": ChatOpenAI(model="small", api_key="sk-test"),
            "frontier": ChatOpenAI(model="large", api_key="sk-test"),
        }

    @property
    def standard_chat_model_params(self) -> dict[str, Any]:
        # timeout and max_retries belong to a client, which each tier's model brings along.
        return {"temperature": 0, "max_tokens": 100, "stop": []}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return (
            {"OPENAI_API_KEY": "sk-test"},
            {
                "small": "openai:small",
                "frontier": "openai:large",
            },
            {"temperature": None},
        )


def test_standard_parameters_reach_both_dialects():
    router = AsymRouter(
        small=ChatOllama(model="s"),
        frontier=ChatOpenAI(model="f", api_key="sk-test"),
        temperature=0.3,
        max_tokens=77,
    )
    small, frontier = (tier.model for tier in router.ladder)
    assert (small.temperature, small.num_predict) == (0.3, 77)
    assert (frontier.temperature, frontier.max_tokens) == (0.3, 77)
