"""Whatever a client sends: it is read, or refused with a status 400; never another error."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lc_asym_router.gateway.http_errors import GatewayError
from lc_asym_router.gateway.protocols.messages import Messages
from lc_asym_router.gateway.protocols.responses import Responses

SECRET = "s3cr3t"
_NAMES = (
    "model max_tokens messages system role content type text source data media_type url tools name "
    "input_schema tool_choice id input tool_use_id thinking signature output_config format schema "
    "metadata stream input instructions call_id arguments output image_url file_data summary "
    "reasoning effort store previous_response_id unknown"
)
NAMES = st.sampled_from(_NAMES.split())
_WORDS = (
    "auto user assistant system developer text image document tool_use tool_result thinking base64 "
    "url function function_call function_call_output message reasoning input_text input_image "
    "input_file output_text refusal tool any none required json_schema item_reference"
)
WORDS = st.sampled_from(_WORDS.split())
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.just(SECRET),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
BODIES = {
    "messages": {"model": "auto", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
    "responses": {"model": "auto", "input": [{"role": "user", "content": "hi"}]},
}
PROTOCOLS: dict[str, Any] = {"messages": Messages(), "responses": Responses()}


@st.composite
def bodies(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """A body with any value in any place."""
    body = {**BODIES[name], **draw(st.dictionaries(NAMES, VALUES, max_size=2))}
    place = "messages" if name == "messages" else "input"
    if draw(st.booleans()):
        block = draw(st.dictionaries(NAMES, VALUES, max_size=4))
        body[place] = [{"role": "user", "content": [block]}]
    return body


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
@settings(max_examples=60)
@given(data=st.data())
def test_any_body_is_read_or_refused(name: str, data: st.DataObject) -> None:
    body = data.draw(bodies(name))
    refused: GatewayError | None = None
    try:
        assert PROTOCOLS[name].parse(body).messages
    except GatewayError as error:
        refused = error
    if refused is not None:
        assert (refused.status, bool(refused.param)) == (400, True)
        assert SECRET not in refused.message
        PROTOCOLS[name].error(refused)
