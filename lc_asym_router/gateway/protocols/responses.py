"""OpenAI's Responses: `POST /v1/responses`.

Nothing is stored between two requests: what refers to a stored response is an error that says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    InvalidToolCall,
    SystemMessage,
    ToolCall,
    ToolMessage,
)
from langchain_core.messages.tool import invalid_tool_call
from pydantic import Discriminator, Field, Tag

from lc_asym_router.gateway.http_errors import GatewayError, invalid, unsupported
from lc_asym_router.gateway.protocols import GatewayAnswer, Heading, ParsedRequest
from lc_asym_router.gateway.protocols.responses_answer import ResponseStream, body_of, error_body
from lc_asym_router.gateway.protocols.validation import JsonSchema, WireModel, validated

# what is supported ------------------------------------------------------------------------------


class _Text(WireModel):
    type: Literal["input_text", "output_text"]
    text: str
    annotations: list[Any] | None = None  # clients send back what they were sent
    logprobs: list[Any] | None = None


class _InputImage(WireModel):
    type: Literal["input_image"]
    image_url: str
    detail: Literal["low", "high", "auto", "original"] | None = None


class _InputFile(WireModel):
    type: Literal["input_file"]
    file_data: str
    filename: str | None = None


class _Refusal(WireModel):
    type: Literal["refusal"]
    refusal: str


_Shown = Annotated[_Text | _InputImage | _InputFile, Field(discriminator="type")]
_Part = Annotated[_Text | _InputImage | _InputFile | _Refusal, Field(discriminator="type")]
_Status = Literal["in_progress", "completed", "incomplete"] | None


class _Message(WireModel):
    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[_Part]
    id: str | None = None
    status: _Status = None
    phase: Literal["commentary", "final_answer"] | None = None


class _FunctionCall(WireModel):
    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str
    id: str | None = None
    status: _Status = None


class _FunctionOutput(WireModel):
    type: Literal["function_call_output"]
    call_id: str
    output: str | list[_Shown]
    id: str | None = None
    status: _Status = None


class _ReasoningText(WireModel):
    type: Literal["summary_text", "reasoning_text"]
    text: str


class _Reasoning(WireModel):
    type: Literal["reasoning"]
    id: str | None = None
    summary: list[_ReasoningText] = Field(default_factory=list)
    content: list[_ReasoningText] | None = None
    encrypted_content: str | None = None
    status: _Status = None


def _item_type(item: Any) -> str:
    kind = item.get("type") if isinstance(item, Mapping) else getattr(item, "type", None)
    return "message" if kind is None else str(kind)


_Item = Annotated[
    Annotated[_Message, Tag("message")]
    | Annotated[_FunctionCall, Tag("function_call")]
    | Annotated[_FunctionOutput, Tag("function_call_output")]
    | Annotated[_Reasoning, Tag("reasoning")],
    Discriminator(_item_type),
]


class _Tool(WireModel):
    type: Literal["function"]
    name: str
    description: str | None = None
    parameters: JsonSchema | None = None
    strict: bool | None = None


class _NamedChoice(WireModel):
    type: Literal["function"]
    name: str


class _PlainFormat(WireModel):
    type: Literal["text", "json_object"]


class _SchemaFormat(WireModel):
    type: Literal["json_schema"]
    name: str
    schema_: JsonSchema = Field(alias="schema")
    description: str | None = None
    strict: bool | None = None


class _TextSetting(WireModel):
    format: Annotated[_PlainFormat | _SchemaFormat, Field(discriminator="type")] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class _ReasoningSetting(WireModel):
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    summary: Literal["auto"] | None = None  # what a tier gives is handed on


class _StreamOptions(WireModel):
    include_obfuscation: Literal[False] | None = None


class _Body(WireModel):
    model: str
    input: str | Annotated[list[_Item], Field(min_length=1)]
    instructions: str | None = None
    max_output_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    tools: list[_Tool] | None = None
    tool_choice: Literal["auto", "none", "required"] | _NamedChoice | None = None
    parallel_tool_calls: bool | None = None
    text: _TextSetting | None = None
    reasoning: _ReasoningSetting | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    include: list[Literal["reasoning.encrypted_content"]] | None = None
    truncation: Literal["disabled"] | None = None
    service_tier: Literal["auto", "default"] | None = None
    background: Literal[False] | None = None
    top_logprobs: Literal[0] | None = None
    store: Literal[False] | None = None


_STORED = {
    "store": "no responses are stored; leave it out, or send false.",
    "previous_response_id": "no responses are stored; send the whole conversation as input.",
    "conversation": "no conversations are stored; send the whole conversation as input.",
}


# translated -------------------------------------------------------------------------------------


class Responses:
    """Reads and writes responses."""

    name = "openai-responses"
    path = "/v1/responses"

    def parse(self, body: Mapping[str, Any]) -> ParsedRequest:
        """Read a request.

        Raises:
            GatewayError: Something in it is wrong, or not served; it is named.
        """
        for name, why in _STORED.items():
            if body.get(name):
                raise unsupported(name, why)
        items = body.get("input")
        for place, item in enumerate(items if isinstance(items, list) else ()):
            if isinstance(item, Mapping) and item.get("type") == "item_reference":
                why = "no items are stored; send the item itself (and store=false)."
                raise unsupported(f"input[{place}].type", why)
        request = validated(_Body, body)
        messages = _conversation(request.input)
        if request.instructions:
            messages.insert(0, SystemMessage(request.instructions))
        return ParsedRequest(
            messages=tuple(messages),
            kwargs=_arguments(request),
            model=request.model,
            stream=bool(request.stream),
            include_usage=True,
            user=request.user or request.safety_identifier,
            metadata=request.metadata or {},
            body=body,
        )

    def answer(self, parsed: ParsedRequest, answered: GatewayAnswer) -> dict[str, Any]:
        """The body of a whole answer."""
        return body_of(parsed.body, answered)

    def stream(self, parsed: ParsedRequest, heading: Heading) -> ResponseStream:
        """What writes a streamed answer."""
        return ResponseStream(heading, parsed.body)

    def error(self, error: GatewayError) -> dict[str, Any]:
        """The body of an error."""
        return error_body(error)


def _arguments(request: _Body) -> dict[str, Any]:
    text = request.text or _TextSetting()
    given: dict[str, Any] = {
        "max_tokens": request.max_output_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "reasoning_effort": request.reasoning.effort if request.reasoning else None,
        "verbosity": text.verbosity,
        "user": request.user,
        "safety_identifier": request.safety_identifier,
        "prompt_cache_key": request.prompt_cache_key,
        "response_format": _response_format(text.format),
    }
    arguments: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if request.tools:
        arguments["tools"] = [_tool(tool) for tool in request.tools]
        if request.parallel_tool_calls is not None:
            arguments["parallel_tool_calls"] = request.parallel_tool_calls
    if request.tool_choice is not None:
        _choose(request.tool_choice, request.tools or (), arguments)
    return arguments


def _choose(choice: str | _NamedChoice, tools: Sequence[_Tool], arguments: dict[str, Any]) -> None:
    if isinstance(choice, str):
        if choice == "required" and not tools:
            raise invalid("tool_choice", "there are no tools to choose from.")
        if tools:
            arguments["tool_choice"] = "any" if choice == "required" else choice
    elif any(tool.name == choice.name for tool in tools):
        arguments["tool_choice"] = choice.name
    else:
        raise invalid("tool_choice.name", "the name of one of the tools.")


def _response_format(asked: _PlainFormat | _SchemaFormat | None) -> dict[str, Any] | None:
    if isinstance(asked, _SchemaFormat):
        schema: dict[str, Any] = {"name": asked.name, "schema": asked.schema_}
        for name in ("description", "strict"):
            if (value := getattr(asked, name)) is not None:
                schema[name] = value
        return {"type": "json_schema", "json_schema": schema}
    return {"type": "json_object"} if asked is not None and asked.type == "json_object" else None


def _tool(tool: _Tool) -> dict[str, Any]:
    function = tool.model_dump(exclude={"type"}, exclude_none=True)
    function.setdefault("parameters", {"type": "object", "properties": {}})
    return {"type": "function", "function": function}


@dataclass
class _Answer:
    """A model's items that follow each other: one message of LangChain's."""

    blocks: list[dict[str, Any]] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    broken: list[InvalidToolCall] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.blocks or self.calls or self.broken)

    def add(self, item: _Message | _FunctionCall | _Reasoning) -> None:
        """Add an item."""
        if isinstance(item, _Reasoning):
            given = item.model_dump(exclude={"status"}, exclude_none=True)
            self.blocks.append(given)
        elif isinstance(item, _Message):
            content = _content(item.content)
            self.blocks += (
                [{"type": "text", "text": content}] if isinstance(content, str) else content
            )
        else:
            self._add_call(item)

    def _add_call(self, item: _FunctionCall) -> None:
        try:
            args = json.loads(item.arguments or "{}")
        except (ValueError, RecursionError):
            args = None
        if isinstance(args, dict):
            self.calls.append(ToolCall(name=item.name, args=args, id=item.call_id))
            return
        self.broken.append(
            invalid_tool_call(
                name=item.name, args=item.arguments, id=item.call_id, error="no JSON object"
            )
        )

    @property
    def said(self) -> bool:
        """Whether it has more than reasoning."""
        spoken = any(block["type"] != "reasoning" for block in self.blocks)
        return spoken or bool(self.calls or self.broken)

    def message(self) -> AIMessage:
        """The message; a text alone as a string."""
        texts = all(block["type"] == "text" for block in self.blocks)
        content: Any = "".join(block["text"] for block in self.blocks) if texts else self.blocks
        reasoned = any(block["type"] == "reasoning" for block in self.blocks)
        return AIMessage(
            content=content,
            tool_calls=self.calls,
            invalid_tool_calls=self.broken,
            # Who made it a call's sealed id says; without one reasoning goes back to nobody.
            response_metadata=(
                {"model_provider": "openai", "model_name": "not known"} if reasoned else {}
            ),
        )


def _conversation(
    given: str | Sequence[_Message | _FunctionCall | _FunctionOutput | _Reasoning],
) -> list[BaseMessage]:
    if isinstance(given, str):
        return [HumanMessage(given)]
    messages: list[BaseMessage] = []
    answer = _Answer()
    for item in given:
        ends = isinstance(item, _FunctionOutput) or (
            isinstance(item, _Message) and item.role != "assistant"
        )
        if answer and (ends or (answer.said and not isinstance(item, _FunctionCall))):
            messages.append(answer.message())
            answer = _Answer()
        if isinstance(item, _FunctionOutput):
            messages.append(ToolMessage(_content(item.output), tool_call_id=item.call_id))
        elif isinstance(item, _Message) and ends:
            kind = HumanMessage if item.role == "user" else SystemMessage
            messages.append(kind(_content(item.content)))
        else:
            answer.add(item)
    return [*messages, answer.message()] if answer else messages


def _content(content: str | Sequence[Any]) -> Any:
    """A text where it is one text alone; else LangChain's standard blocks."""
    if isinstance(content, str):
        return content
    blocks = [_block(part) for part in content if not isinstance(part, str)]
    return blocks[0]["text"] if len(blocks) == 1 and blocks[0]["type"] == "text" else blocks


def _block(part: _Text | _InputImage | _InputFile | _Refusal) -> dict[str, Any]:
    if isinstance(part, _InputImage):
        detail = {"detail": part.detail} if part.detail else {}
        return {"type": "image_url", "image_url": {"url": part.image_url, **detail}}
    if isinstance(part, _InputFile):
        mime, _, data = part.file_data.removeprefix("data:").partition(";base64,")
        if not data:
            raise invalid("input", "file_data is a data URL, data:application/pdf;base64,...")
        name = part.filename or "document.pdf"
        return {"type": "file", "base64": data, "mime_type": mime, "filename": name}
    return {"type": "text", "text": part.refusal if isinstance(part, _Refusal) else part.text}
