"""LangChain's own standard suite on Decomposer."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_openai import ChatOpenAI
from langchain_tests.unit_tests import ChatModelUnitTests

from lc_asym_router import AsymRouter, Decomposer


class TestDecomposerUnit(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[Decomposer]:
        return Decomposer

    @property
    def chat_model_params(self) -> dict[str, Any]:
        small, frontier = (ChatOpenAI(model=name, api_key="sk-test") for name in ("s", "f"))
        router = AsymRouter(
            small=small, frontier=frontier, temperature=0, max_tokens=100, stop=[], verify="form"
        )
        return {"router": router}

    @property
    def standard_chat_model_params(self) -> dict[str, Any]:
        return {}  # those belong to the router

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return ({"OPENAI_API_KEY": "sk-test"}, self.chat_model_params, {"max_steps": 16})

    @pytest.mark.xfail(strict=True, reason="max_tokens and stop are set on the router")
    def test_standard_params(self, model: Any) -> None:
        super().test_standard_params(model)
