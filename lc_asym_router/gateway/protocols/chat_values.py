"""The kinds of the values in a chat completion's body that go to the tiers as they are.

A wrong one is refused before a model is asked: a tier's provider would refuse it in its own words, or
the next tier would be asked for nothing.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from lc_asym_router.gateway.protocols.validation import JsonSchema, WireModel


class _Open(WireModel):
    """An object that is handed on whole, with whatever else is in it."""

    model_config = ConfigDict(extra="allow")


class _Function(_Open):
    name: Annotated[str, Field(min_length=1)]
    description: str | None = None
    parameters: JsonSchema | None = None
    strict: bool | None = None


class _Tool(_Open):
    function: _Function


class _Schema(_Open):
    name: str | None = None
    schema_: JsonSchema | None = Field(None, alias="schema")
    description: str | None = None
    strict: bool | None = None


class _Format(_Open):
    json_schema: _Schema | None = None


_Between = Annotated[float, Field(ge=-2, le=2)]


class PassedValues(_Open):
    """The parameters by name; those that are not here are read one by one."""

    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: int | None = None
    frequency_penalty: _Between | None = None
    presence_penalty: _Between | None = None
    reasoning_effort: str | None = None
    logit_bias: dict[str, float] | None = None
    parallel_tool_calls: bool | None = None
    user: str | None = None
    service_tier: str | None = None
    prompt_cache_key: str | None = None
    safety_identifier: str | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    tools: list[_Tool] | None = None
    response_format: _Format | None = None


class _Text(_Open):
    type: Literal["text"]
    text: str


class _Url(_Open):
    url: Annotated[str, Field(min_length=1)]


class _Image(_Open):
    type: Literal["image_url"]
    image_url: str | _Url


class Parts(_Open):
    """A message's parts of the kinds whose payload the router reads."""

    content: list[Annotated[_Text | _Image, Field(discriminator="type")]]


READ_PARTS = frozenset({"text", "image_url"})
"""The kinds of parts that are checked here."""
SERVED_PARTS = READ_PARTS | {"refusal", "input_audio", "file", "video_url"}
"""All kinds of parts that are served: which tier reads the others is the router's matter."""
