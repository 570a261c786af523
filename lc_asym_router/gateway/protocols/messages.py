"""Anthropic's Messages: `POST /v1/messages`, and the counting of its tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from pydantic import Field

from lc_asym_router.gateway.http_errors import GatewayError, invalid, unsupported
from lc_asym_router.gateway.protocols import GatewayAnswer, Heading, ParsedRequest
from lc_asym_router.gateway.protocols.messages_answer import MessageStream, body_of, error_body
from lc_asym_router.gateway.protocols.validation import JsonSchema, WireModel, validated

# what is supported ------------------------------------------------------------------------------


class _CacheControl(WireModel):
    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None


class _Marked(WireModel):
    cache_control: _CacheControl | None = None

    @property
    def marks(self) -> dict[str, Any]:
        """The cache marker as it stands in a block; only Anthropic's tiers are sent it."""
        control = self.cache_control
        return {"cache_control": control.model_dump(exclude_none=True)} if control else {}


class _Text(_Marked):
    type: Literal["text"]
    text: str


class _Base64(WireModel):
    type: Literal["base64"]
    media_type: str
    data: str


class _Url(WireModel):
    type: Literal["url"]
    url: str


class _PlainText(WireModel):
    type: Literal["text"]
    media_type: Literal["text/plain"]
    data: str


class _Image(_Marked):
    type: Literal["image"]
    source: Annotated[_Base64 | _Url, Field(discriminator="type")]


class _Document(_Marked):
    type: Literal["document"]
    source: Annotated[_Base64 | _PlainText, Field(discriminator="type")]
    title: str | None = None


_Shown = Annotated[_Text | _Image | _Document, Field(discriminator="type")]


class _ToolResult(_Marked):
    type: Literal["tool_result"]
    tool_use_id: str
    content: str | list[_Shown] = ""
    is_error: bool | None = None


class _ToolUse(_Marked):
    type: Literal["tool_use"]
    id: str
    name: str
    input: dict[str, Any]
    caller: dict[str, Any] | None = None  # ours say "direct", and clients send it back


class _Thinking(WireModel):
    type: Literal["thinking"]
    thinking: str
    signature: str = ""


class _RedactedThinking(WireModel):
    type: Literal["redacted_thinking"]
    data: str


class _User(WireModel):
    role: Literal["user"]
    content: (
        str | list[Annotated[_Text | _Image | _Document | _ToolResult, Field(discriminator="type")]]
    )


class _Assistant(WireModel):
    role: Literal["assistant"]
    content: (
        str
        | list[
            Annotated[_Text | _ToolUse | _Thinking | _RedactedThinking, Field(discriminator="type")]
        ]
    )


class _System(WireModel):
    role: Literal["system"]
    content: str | list[_Text]


class _Tool(_Marked):
    type: Literal["custom"] | None = None
    name: str
    description: str | None = None
    input_schema: JsonSchema
    strict: bool | None = None
    eager_input_streaming: bool | None = None  # arguments are streamed as they come in any case
    defer_loading: Literal[False] | None = None


class _Choice(WireModel):
    type: Literal["auto", "any", "none"]
    disable_parallel_tool_use: bool | None = None


class _NamedChoice(WireModel):
    type: Literal["tool"]
    name: str
    disable_parallel_tool_use: bool | None = None


class _ThinkingSetting(WireModel):
    type: Literal["enabled", "adaptive", "disabled", "between_tools"]
    budget_tokens: Annotated[int, Field(ge=1)] | None = None
    display: Literal["summarized", "omitted"] | None = None


class _Format(WireModel):
    type: Literal["json_schema"]
    schema_: JsonSchema = Field(alias="schema")


class _OutputConfig(WireModel):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: _Format | None = None


class _Metadata(WireModel):
    user_id: str | None = None


class _Counted(WireModel):
    """What counts as input."""

    model: str
    messages: Annotated[
        list[Annotated[_User | _Assistant | _System, Field(discriminator="role")]],
        Field(min_length=1),
    ]
    system: str | list[_Text] | None = None
    tools: list[_Tool] | None = None
    tool_choice: Annotated[_Choice | _NamedChoice, Field(discriminator="type")] | None = None
    thinking: _ThinkingSetting | None = None
    output_config: _OutputConfig | None = None
    cache_control: _CacheControl | None = None


class _Body(_Counted):
    max_tokens: Annotated[int, Field(ge=1)]
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=1)] | None = None
    metadata: _Metadata | None = None
    service_tier: Literal["auto"] | None = None


# translated -------------------------------------------------------------------------------------


class Messages:
    """Reads and writes Anthropic's messages."""

    name = "anthropic-messages"
    path = "/v1/messages"

    def parse(self, body: Mapping[str, Any]) -> ParsedRequest:
        """Read a request.

        Raises:
            GatewayError: Something in it is wrong, or not served; it is named.
        """
        request = validated(_Body, body)
        _check_order(request)
        given = {
            "max_tokens": request.max_tokens,
            "stop": request.stop_sequences or None,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "top_k": request.top_k,
        }
        kwargs = {name: value for name, value in given.items() if value is not None}
        return ParsedRequest(
            messages=tuple(_conversation(request)),
            kwargs=_arguments(request) | kwargs,
            model=request.model,
            stream=bool(request.stream),
            include_usage=True,
            user=request.metadata.user_id if request.metadata else None,
            body=body,
        )

    def parse_count(self, body: Mapping[str, Any]) -> ParsedRequest:
        """Read the body of `POST /v1/messages/count_tokens`, likewise."""
        request = validated(_Counted, body)
        messages = tuple(_conversation(request))
        return ParsedRequest(messages, _arguments(request), request.model, body=body)

    def answer(self, parsed: ParsedRequest, answered: GatewayAnswer) -> dict[str, Any]:
        """The body of a whole answer."""
        return body_of(answered)

    def stream(self, parsed: ParsedRequest, heading: Heading) -> MessageStream:
        """What writes a streamed answer."""
        return MessageStream(heading)

    def error(self, error: GatewayError) -> dict[str, Any]:
        """The body of an error."""
        return error_body(error)


def _check_order(request: _Body) -> None:
    messages = request.messages
    if isinstance(messages[-1], _Assistant):
        raise unsupported(
            "messages",
            "the last one is the assistant's, and no answer is begun for a model. End with the user's.",
        )
    asked: set[str] = set()
    for place, message in enumerate(messages):
        if isinstance(message.content, str):
            continue
        for block in message.content:
            if isinstance(block, _ToolUse):
                asked.add(block.id)
            elif isinstance(block, _ToolResult) and block.tool_use_id not in asked:
                raise invalid(
                    f"messages[{place}].content",
                    "a tool_result's tool_use_id is that of a tool_use block before it.",
                )


def _arguments(request: _Counted) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    if request.tools:
        arguments["tools"] = [_tool(tool) for tool in request.tools]
    if request.tool_choice is not None:
        arguments |= _choice(request.tool_choice, request.tools or ())
    if request.thinking is not None:
        arguments["thinking"] = request.thinking.model_dump(exclude_none=True)
    if request.cache_control is not None:
        arguments["cache_control"] = request.cache_control.model_dump(exclude_none=True)
    output = request.output_config
    if output is not None and output.effort is not None:
        arguments["reasoning_effort"] = output.effort
    if output is not None and output.format is not None:
        schema = {"name": "answer", "strict": True, "schema": output.format.schema_}
        arguments["response_format"] = {"type": "json_schema", "json_schema": schema}
    return arguments


def _tool(tool: _Tool) -> dict[str, Any]:
    """A tool in OpenAI's form, which every client converts; in Anthropic's where it bears a cache
    marker, for which OpenAI's has no place."""
    if tool.cache_control is not None:
        own = {"name": tool.name, "input_schema": tool.input_schema, **tool.marks}
        strict = {} if tool.strict is None else {"strict": tool.strict}
        return {**own, "description": tool.description or "", **strict}
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.input_schema}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _choice(choice: _Choice | _NamedChoice, tools: Sequence[_Tool]) -> dict[str, Any]:
    if not tools:
        raise invalid("tool_choice", "there are no tools to choose from.")
    chosen: str = choice.type
    if isinstance(choice, _NamedChoice):
        chosen = choice.name
        if all(tool.name != chosen for tool in tools):
            raise invalid("tool_choice.name", "the name of one of the tools.")
    one = {"parallel_tool_calls": False} if choice.disable_parallel_tool_use else {}
    return {"tool_choice": chosen, **one}


def _conversation(request: _Counted) -> list[BaseMessage]:
    messages: list[BaseMessage] = []
    if request.system:
        messages.append(SystemMessage(_content(request.system)))
    for message in request.messages:
        if isinstance(message, _User):
            messages += _of_user(message)
        elif isinstance(message, _System):
            messages.append(SystemMessage(_content(message.content)))
        else:
            messages.append(_of_assistant(message))
    return messages


def _of_user(message: _User) -> Iterator[BaseMessage]:
    """The tools' results, which come first wherever they stand, and what the user says."""
    if isinstance(message.content, str):
        yield HumanMessage(message.content)
        return
    said: list[_Text | _Image | _Document] = []
    for block in message.content:
        if isinstance(block, _ToolResult):
            yield ToolMessage(
                _content(block.content),
                tool_call_id=block.tool_use_id,
                status="error" if block.is_error else "success",
            )
        else:
            said.append(block)
    if said:
        yield HumanMessage(_content(said))


def _of_assistant(message: _Assistant) -> AIMessage:
    if isinstance(message.content, str):
        return AIMessage(message.content)
    calls = [
        {"type": "tool_call", "id": block.id, "name": block.name, "args": block.input}
        for block in message.content
        if isinstance(block, _ToolUse)
    ]
    said = [block for block in message.content if not isinstance(block, _ToolUse)]
    if all(isinstance(block, _Text) for block in said):
        texts = [block for block in said if isinstance(block, _Text)]
        return AIMessage(_content(texts), tool_calls=calls)
    blocks: list[str | dict[Any, Any]] = [
        {"type": "text", "text": block.text, **block.marks}
        if isinstance(block, _Text)
        else block.model_dump()
        for block in said
    ]
    # Who made it a call's sealed id says; without one thinking goes back to nobody.
    maker = {"model_provider": "anthropic", "model_name": "not known"}
    return AIMessage(content=blocks, tool_calls=calls, response_metadata=maker)


def _content(content: str | Sequence[_Text | _Image | _Document]) -> Any:
    """A text where it is one text alone; else LangChain's standard blocks."""
    if isinstance(content, str):
        return content
    if not content:
        return ""
    if len(content) == 1 and isinstance(content[0], _Text) and not content[0].marks:
        return content[0].text
    return [_block(block) for block in content]


def _block(block: _Text | _Image | _Document) -> dict[str, Any]:
    if isinstance(block, _Text):
        return {"type": "text", "text": block.text, **block.marks}
    source = block.source
    if isinstance(source, _PlainText):
        return {"type": "text", "text": source.data, **block.marks}
    if isinstance(source, _Url):
        return {"type": "image", "url": source.url, **block.marks}
    kind = "image" if isinstance(block, _Image) else "file"
    file = {"type": kind, "base64": source.data, "mime_type": source.media_type, **block.marks}
    if isinstance(block, _Document):
        file["filename"] = block.title or "document.pdf"
    return file
