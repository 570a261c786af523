"""A request's data in the graph: its state, its context, and its own settings."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, Any, NotRequired, cast

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.constants import END
from langgraph.graph.message import add_messages
from langgraph.runtime import Runtime
from typing_extensions import TypedDict  # of which pydantic makes schemas before Python 3.12 too

from lc_asym_router._internal.chunks import is_deeper, keepable
from lc_asym_router._internal.compat import CONFIG_KEY_CHECKPOINTER
from lc_asym_router._internal.deadline import bounded
from lc_asym_router._internal.run_config import metadata_of, tags_of, without_listeners
from lc_asym_router._internal.schemas import DEEPEST
from lc_asym_router.audits.auditor import Auditor
from lc_asym_router.audits.draw import takes_audits
from lc_asym_router.errors import ConfigurationError, NoAnswerError
from lc_asym_router.graph.streaming import Audience, Sink
from lc_asym_router.records.request import Request
from lc_asym_router.records.signing import with_record
from lc_asym_router.records.trail import Trail, own_tags
from lc_asym_router.tiers.faults.connections import Connections
from lc_asym_router.tiers.ladder import Ladder

Kept = bytes | list[AIMessageChunk] | AIMessage
"""A draft as the state keeps it: sealed, or as it came where nobody could see the state."""


class RouterState(TypedDict):
    """The state of the graph. Only `messages` is part of its input and output."""

    messages: Annotated[list[AnyMessage], add_messages]
    route: NotRequired[str]
    trail: NotRequired[Trail]
    draft: NotRequired[Kept | None]
    rejected: NotRequired[list[Any] | None]  # request, tier, sealed draft: for a subgraph's audits


Update = dict[str, Any]
"""What a node changes in the state."""


class RouterIO(TypedDict):
    """The graph's input and output: compatible with `MessagesState`."""

    messages: Annotated[list[AnyMessage], add_messages]


_SERDE = JsonPlusSerializer()
_JSON = "draft-json"
_MESSAGES: dict[str, Any] = {"ai": AIMessage, "AIMessageChunk": AIMessageChunk}


def sealed_draft(draft: Sequence[AIMessageChunk] | AIMessage) -> bytes:
    """Serialize a draft to bytes that no stream, event or trace can take for an answer.

    A draft stands in the graph's state between a tier and its check. As a message it would be
    emitted by LangGraph's messages mode and shown by its values and updates modes; as compressed
    bytes it can be checkpointed and carried, but not read by accident.

    Raises:
        NoAnswerError: A tool call's arguments are nested deeper than `DEEPEST`.
    """
    messages = _shallow(draft)
    try:
        kind, data = _SERDE.dumps_typed(draft if isinstance(draft, AIMessage) else messages)
    except (
        TypeError,
        ValueError,
        OverflowError,
    ):  # msgpack holds 64 bits of a whole number, no more
        dumped = [each.model_dump() for each in messages]
        whole = isinstance(draft, AIMessage)
        kind, data = _JSON, json.dumps([whole, dumped], default=str).encode()
    return zlib.compress(kind.encode() + b"\0" + data, 1)


def keep(draft: Sequence[AIMessageChunk] | AIMessage) -> Kept:
    """Keep a draft where nobody could see the state: as it came, if sealing would not change it.

    Raises:
        NoAnswerError: As in `sealed_draft`.
    """
    messages = _shallow(draft)
    if not _is_json([each.__dict__ for each in messages]):
        return sealed_draft(draft)
    return draft if isinstance(draft, AIMessage) else messages


def _shallow(draft: Sequence[AIMessageChunk] | AIMessage) -> list[Any]:
    messages = [draft] if isinstance(draft, AIMessage) else list(draft)
    if any(is_deeper(call["args"], DEEPEST) for each in messages for call in each.tool_calls):
        raise NoAnswerError(f"the tool call's arguments are nested deeper than {DEEPEST}")
    return messages


def _is_json(values: list[Any]) -> bool:
    """Whether a list holds plain JSON."""
    for value in (rest := list(values)):  # grows as it is read
        if type(value) is dict:
            rest += value.values()
        elif type(value) is list:
            rest += value
        elif type(value) not in _PLAIN:
            return False
    return True


_PLAIN = {str, int, float, bool, type(None)}


def unseal(envelope: Kept) -> list[AIMessageChunk] | AIMessage:
    """Read a draft that `sealed_draft` serialized, or that `keep` left as it was."""
    if not isinstance(envelope, bytes):
        return envelope
    kind, _, data = zlib.decompress(envelope).partition(b"\0")
    if kind.decode() == _JSON:
        whole, dumped = json.loads(data)
        messages = [_MESSAGES[each["type"]](**each) for each in dumped]
        return messages[0] if whole else messages
    draft: list[AIMessageChunk] | AIMessage = _SERDE.loads_typed((kind.decode(), data))
    return draft


# what one call sets otherwise ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallOptions:
    """Overrides of one call.

    Attributes:
        tier: The tier to ask first, whatever the classifier would say; `None` to classify.
        threshold: Another threshold in [0, 1]; `None` for the router's.
        verify: Whether small answers are checked.
        escalate: Whether a failed or failing attempt goes to the next tier up.
        deadline: Seconds that the request may take; `None` for the router's.
    """

    tier: str | None = None
    threshold: float | None = None
    verify: bool = True
    escalate: bool = True
    deadline: float | None = None

    @classmethod
    def of(cls, config: RunnableConfig, ladder: Ladder, prefix: str = "") -> CallOptions:
        """Read and validate the overrides.

        Raises:
            ConfigurationError: An unknown tier, a threshold outside [0, 1], or a flag that is no
                bool.
        """
        configurable = config.get("configurable") or {}
        given: dict[str, Any] = {}
        for name in _OVERRIDES:
            if (value := configurable.get(prefix + name)) is not None:
                given[name] = value
        return _validated(given, ladder, prefix) if given else _NO_OVERRIDES


_OVERRIDES = ("tier", "threshold", "verify", "escalate", "deadline")
_NO_OVERRIDES = CallOptions()


def _validated(given: dict[str, Any], ladder: Ladder, prefix: str) -> CallOptions:
    tier, threshold = given.get("tier"), given.get("threshold")
    if tier is not None and (not isinstance(tier, str) or ladder.named(tier) is None):
        names = ", ".join(known.name for known in ladder)
        raise ConfigurationError(
            f"config['configurable']['{prefix}tier'] is {tier!r}; this router's tiers are "
            f"{names}. If the key means something else in your application, give the router "
            "keys of its own: AsymRouter(configurable_prefix='router_')."
        )
    if threshold is not None:
        check_threshold(threshold, f"config['configurable']['{prefix}threshold']")
    for name in ("verify", "escalate"):
        if not isinstance(given.get(name, True), bool):
            raise ConfigurationError(
                f"config['configurable']['{prefix}{name}'] is {given[name]!r}; give True or False."
            )
    deadline = check_deadline(given.get("deadline"), f"config['configurable']['{prefix}deadline']")
    return CallOptions(**{**given, "deadline": deadline})


def check_threshold(threshold: object, where: str) -> float:
    """The threshold, if it is one.

    Raises:
        ConfigurationError: It is no number in [0, 1].
    """
    if (
        isinstance(threshold, bool)
        or not isinstance(threshold, int | float)
        or not 0 <= threshold <= 1
    ):
        raise ConfigurationError(
            f"{where} is {threshold!r}; a threshold is a number in [0, 1]: complexity at or over it "
            "goes up. 0 sends everything to the frontier."
        )
    return float(threshold)


def check_deadline(deadline: Any, where: str) -> float | None:
    """The deadline, if it is one.

    Raises:
        ConfigurationError: It is no time over 0 seconds.
    """
    number = isinstance(deadline, int | float) and not isinstance(deadline, bool)
    if deadline is not None and not (number and deadline > 0):
        raise ConfigurationError(
            f"{where} is {deadline!r}; a deadline is a time over 0 seconds for the whole request, "
            "or None."
        )
    return None if deadline is None else bounded(deadline)


# beside the state ---------------------------------------------------------------------------


@dataclass(frozen=True)
class RaceSide:
    """One of two racing calls; its answer is delivered only if it wins.

    Attributes:
        connections: Its connections, closed when it has lost.
        streams: Whether anybody wants the winner's answer as chunks.
    """

    connections: Connections
    streams: bool


@dataclass(frozen=True)
class RunContext:
    """The context of a run of the graph under a chat model. It is not checkpointed or streamed.

    As a subgraph the graph has its parent's context instead, and then none of this.

    Attributes:
        request: The messages and what is bound to them. They don't stand in the state: its reducer
            would give ids to messages that the caller holds, and merge those of one id.
        sink: The reader of a streamed answer, or `None`.
        listeners: Handlers that want tokens as they come, taken off the graph's own run.
        metadata: LangGraph's metadata of the place where the router stands, so that a parent's
            messages mode sees the tokens as that node's own.
        exceptions: What the tiers raised, in order, for the final error.
        run_id: Id of the run that asked, or `None`.
        progress: The newest trail, and the side calls that are not yet in it, for the record of a
            request that is cancelled or fails; empty before the decision.
        race: Set where a call is one side of a race.
        sealed: Whether drafts are sealed in the state, which somebody might see.
        afterwards: What is done once the request's record has been reported.
        rejected: The tier and the answer of each draft that failed its check, in order.
    """

    request: Request | None = None
    sink: Sink | None = None
    listeners: tuple[BaseCallbackHandler, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    exceptions: list[Exception] = field(default_factory=list)
    run_id: str | None = None
    progress: list[tuple[Trail, list[dict[str, Any]]]] = field(default_factory=list)
    race: RaceSide | None = None
    sealed: bool = True
    afterwards: list[Callable[[], None]] = field(default_factory=list)
    rejected: list[tuple[str, AIMessage]] = field(default_factory=list)

    def note(self, trail: Trail, side_calls: list[dict[str, Any]] | None = None) -> None:
        """Note the newest trail; `side_calls` may still grow."""
        self.progress[:] = [(trail, [] if side_calls is None else side_calls)]

    def request_id(self) -> str | None:
        """The request's own id; `None` before the decision."""
        return self.progress[-1][0]["id"] if self.progress else None

    @property
    def under_model(self) -> bool:
        """Whether the graph runs under a chat model, which reports the record itself."""
        return self.request is not None


@dataclass(frozen=True)
class Surroundings:
    """A node's view of its run: the context, the config without listeners, those listeners, and what
    audits its answers."""

    context: RunContext
    config: RunnableConfig
    listeners: tuple[BaseCallbackHandler, ...]
    auditor: Auditor | None = None

    @classmethod
    def of(
        cls, config: RunnableConfig, runtime: Runtime[Any], auditor: Auditor | None = None
    ) -> Surroundings:
        """From what LangGraph gives to a node, and what audits its answers."""
        context = runtime.context
        quiet, found = without_listeners(config)
        if isinstance(context, RunContext):
            return cls(context, quiet, (*context.listeners, *found), auditor)
        return cls(RunContext(), quiet, tuple(found), auditor)

    @property
    def streams(self) -> bool:
        """Whether anybody wants the answer as chunks."""
        if self.context.race is not None:
            return self.context.race.streams
        return self.context.sink is not None or bool(self.listeners)

    def audience(self, name: str, sink: Sink | None = None) -> Audience:
        """Who gets a buffered answer, and as which run.

        Args:
            name: Name of the model that made it.
            sink: The reader of the stream that it goes to, or `None`.
        """
        return Audience(
            name=name,
            handlers=self.listeners,
            parent=getattr(self.config.get("callbacks"), "parent_run_id", None),
            metadata={**metadata_of(self.config), **self.context.metadata},
            tags=tags_of(self.config),
            sink=sink,
        )


@dataclass(frozen=True)
class NodeRun:
    """One run of one node.

    Attributes:
        state: The graph's state.
        around: Context, config and listeners.
        request: What is asked.
        options: What is set differently for this call.
        answers: Takes in the answer that ends the request, for whoever reports its record.
    """

    state: RouterState
    around: Surroundings
    request: Request
    options: CallOptions
    answers: list[AIMessage] = field(default_factory=list)

    def with_update(self, update: Update) -> NodeRun:
        """The run after an update of the state, for a step that is no node of its own."""
        return replace(self, state=cast("RouterState", {**self.state, **update}))

    def caller(self) -> str:
        """Whose request it is, as far as the call says: a tag "user:...", a user's or a thread's id;
        else what is asked. A digest: it is kept for as long as a tier fails."""
        config = self.around.config
        known = {**metadata_of(config), **(config.get("configurable") or {})}
        users = [tag for tag in tags_of(config) if tag.startswith("user:")]
        names = ("langgraph_auth_user_id", "user_id", "thread_id")
        found = users[:1] or [f"{name} {known[name]}" for name in names if known.get(name)][:1]
        text = found[0] if found else f"asks {self.request.turn_text}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def finished(self, update: Update) -> Update:
        """Note what the node has come to, and give it back: an answer with its record signed."""
        self.around.context.note(update["trail"])
        if update["route"] == END:
            answer = update["messages"][-1]
            if (self.around.config.get("configurable") or {}).get(CONFIG_KEY_CHECKPOINTER):
                answer = keepable(answer)
            record = answer.response_metadata["router"]
            if self.around.auditor is not None:
                record = self._drawn(self.around.auditor, answer, record)
            answer = with_record(answer, record, self.request.turn_text)
            update = {**update, "messages": [answer], "rejected": None}
            self.answers.append(answer)
        return update

    def _drawn(self, auditor: Auditor, answer: AIMessage, record: dict[str, Any]) -> dict[str, Any]:
        """Decide whether an answer is audited, once its request has ended; the record says so."""
        config = self.around.config
        callbacks = config.get("callbacks") or []
        found = callbacks if isinstance(callbacks, list) else callbacks.handlers
        handlers = [each for each in found if takes_audits(each)]
        draft, tags = next(reversed(self.around.context.rejected), None), own_tags(tags_of(config))
        draw = auditor.draw(self.request, answer, record, tags, handlers, draft)
        if draw is None:
            return record
        self.around.context.afterwards.append(partial(auditor.submit, draw))
        return {**record, "audit": draw.in_record} if draw.kind == "audit" else record
