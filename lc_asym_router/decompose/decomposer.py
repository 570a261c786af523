"""`Decomposer`: the graph of plan, steps and join, with the interface of a chat model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Self, cast, overload

from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableBinding, RunnableConfig, RunnableSequence
from langchain_core.runnables.config import merge_configs
from langchain_core.tools import BaseTool
from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from lc_asym_router._internal.imports import AnyPath
from lc_asym_router.batch.jobs import Run
from lc_asym_router.decompose.decomposer_settings import DecomposerSettings, planner_name
from lc_asym_router.decompose.gate import Gate
from lc_asym_router.decompose.graph import build_decomposer_graph
from lc_asym_router.decompose.mapping import Mapped, map_run, mapped
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.graph.runner import GraphRunner
from lc_asym_router.records.request import Request
from lc_asym_router.router.chain_model import ChainChatModel
from lc_asym_router.router.router import AsymRouter


@dataclass(frozen=True)
class _Bounds:
    """The number of supersteps of the longest run: plan, steps, join, verify, frontier."""

    longest: int = 5


class Decomposer(ChainChatModel):
    """A chat model that splits a request, routes each part, and joins the answers.

    Use it wherever a chat model is expected, as its router. A request without a plan, or whose plan
    is not expected to save money, goes unsplit to the router; so does one with tools, an output
    schema or stop sequences bound. If the plan, a step or the join fails, the whole request goes to
    the frontier, once.

    Args:
        router: The router that answers each part.
        planner: What splits the request: "structure" (the text's form, without a model), "chat"
            (the frontier writes the plan), a `ChatPlanner`, a callable from the request's text to a
            `Plan`, a list of steps, or `None`; or a list of these, tried in order.
        gate: Decides whether a plan is worth its cost: a `Gate`, a callable from an `Estimate` to a
            bool, or `None` to split whenever there is a plan.
        join: "auto" (a template where no step needs another, else the first tier), "template", or
            the name of the tier that joins the answers.
        max_steps: The maximum number of steps of a plan, at least 2.
        max_concurrency: How many steps run concurrently, at least 1; a call's own `max_concurrency`
            takes precedence.
        checkpointer: A LangGraph checkpointer for `graph`, so that an interrupted run can be
            resumed: `decomposer.graph.invoke(None, config)`. `invoke` and the other chat-model
            methods of the decomposer itself use none.

    Raises:
        pydantic.ValidationError: A setting is invalid; the message says what to do instead.

    Example:
        ```python
        decomposer = Decomposer(router=router)
        answer = decomposer.invoke("What is the capital of France? What is 17 times 23?")
        answer.response_metadata["router"]["decomposition"]["steps"]
        ```
    """

    model_config = ConfigDict(
        arbitrary_types_allowed=True, extra="forbid", hide_input_in_errors=True
    )

    router: AsymRouter = Field(frozen=True)
    planner: Any = Field(default="structure", frozen=True)
    gate: Any = Field(default=Gate(), frozen=True)
    join: Any = Field(default="auto", frozen=True)
    max_steps: int = Field(default=16, frozen=True)
    max_concurrency: int = Field(default=4, frozen=True)
    checkpointer: Any = Field(default=None, frozen=True, exclude=True)
    streaming: bool | None = Field(default=None, exclude=True)

    _settings: DecomposerSettings = PrivateAttr()

    @model_validator(mode="after")
    def _build(self) -> Self:
        if self.max_concurrency < 1:
            raise ConfigurationError(f"max_concurrency={self.max_concurrency} must be at least 1.")
        settings = DecomposerSettings.of(
            self.router.policy, self.planner, self.gate, self.join, self.max_steps
        )
        self._settings = settings
        self._answerer = GraphRunner(
            cache(partial(build_decomposer_graph, settings, self.max_concurrency, False)), _Bounds()
        )
        resolved = settings if self.checkpointer is False else settings.checkpointed()
        self._compiled = cache(
            partial(build_decomposer_graph, resolved, self.max_concurrency, self.checkpointer)
        )
        if self.profile is None:
            self.profile = self.router.profile
        return self

    @property
    def _llm_type(self) -> str:
        return "lc-asym-decomposer"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        planners = [planner_name(planner) for planner in self._settings.planners]
        return {**self.router._identifying_params, "planners": planners, "join": self.join}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return self.router._get_ls_params(stop=stop, **kwargs)

    def _request(
        self, input: LanguageModelInput, kwargs: dict[str, Any], stop: list[str] | None = None
    ) -> Request:
        return self.router._request(input, kwargs, stop)

    def _merged(self, config: RunnableConfig | None) -> RunnableConfig:
        """Return the call's config with the router's and its own callbacks, tags and metadata added."""
        return merge_configs(self.router._merged(None), super()._merged(config))

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: Any = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools, as the router does. A request with tools goes unsplit to the router."""
        bound = self.router.bind_tools(tools, tool_choice=tool_choice, **kwargs)
        return self.bind(**cast("RunnableBinding[Any, Any]", bound).kwargs)

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """Return a runnable whose output follows a schema; its requests go unsplit to the router."""
        chain = self.router.with_structured_output(schema, include_raw=include_raw, **kwargs)
        assert isinstance(chain, RunnableSequence)
        return self.bind(**cast("RunnableBinding[Any, Any]", chain.first).kwargs) | chain.last

    # the same for many items ----------------------------------------------------------------

    @overload
    def map(self) -> Runnable[Sequence[LanguageModelInput], list[AIMessage]]: ...

    @overload
    def map(
        self,
        instruction: str,
        items: Sequence[str],
        config: RunnableConfig | None = None,
        *,
        out: AnyPath | None = None,
        progress: bool | None = None,
    ) -> Mapped: ...

    def map(
        self,
        instruction: str | None = None,
        items: Sequence[str] = (),
        config: RunnableConfig | None = None,
        *,
        out: AnyPath | None = None,
        progress: bool | None = None,
    ) -> Any:
        """Run the same small task on each of many items: one router request per item.

        Without arguments it is `Runnable.map()`: it returns a runnable that takes a list of inputs.

        Args:
            instruction: The task; each request is the instruction followed by the item.
            items: The items.
            config: The config of each request, as for `invoke`.
            out: A journal file that each answer is written to immediately; the same call with the
                same file resumes an interrupted run, and pays for no answer twice. `None` stores
                them in memory only.
            progress: Whether to show a progress bar; `None` shows it on a terminal.

        Raises:
            ConfigurationError: No instruction; or `progress=True`, and tqdm (extra `evals`) is missing.
            DataError: The file was written for another instruction, router or list of items.
        """
        if instruction is None:
            return super().map()
        return mapped(items, self._map_run(instruction, items, config, out, progress).all())

    async def amap(
        self,
        instruction: str,
        items: Sequence[str],
        config: RunnableConfig | None = None,
        *,
        out: AnyPath | None = None,
        progress: bool | None = None,
    ) -> Mapped:
        """The async twin of `map`."""
        run = self._map_run(instruction, items, config, out, progress)
        return mapped(items, await run.aall())

    def _map_run(
        self,
        instruction: str,
        items: Sequence[str],
        config: RunnableConfig | None,
        out: AnyPath | None,
        progress: bool | None,
    ) -> Run:
        asked = super()._merged(config)  # the router brings its own callbacks
        return map_run(self.router, instruction, items, asked, out, self.max_concurrency, progress)

    def __repr__(self) -> str:
        planners = ", ".join(planner_name(planner) for planner in self._settings.planners)
        return f"Decomposer({self.router!r}, planner={planners}, join={self.join})"

    __str__ = __repr__
