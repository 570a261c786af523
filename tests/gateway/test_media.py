"""Images and documents by each protocol, on their way to tiers of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lc_asym_router import AsymRouter, Tier
from lc_asym_router.gateway.app import gateway_app
from tests.conftest import frontier_model, small_model
from tests.gateway.serving import Served
from tests.gateway.test_anthropic_client import client_of

PIXEL = "R0lGODlhAQABAAAAACw="
DOCUMENT = "JVBERi0xLjQK"


@pytest.fixture(scope="module")
def seeing(upstream_small, upstream_frontier) -> Iterator[Served]:
    """A gateway whose tiers take images, the last one documents too."""
    router = AsymRouter(
        small=Tier(small_model(upstream_small), inputs={"image"}, breaker=False),
        frontier=Tier(frontier_model(upstream_frontier), inputs={"image", "pdf"}, breaker=False),
        verify="form",
        classify=None,
    )
    with Served(gateway_app(router)) as served:
        yield served


def ask_messages(served: Served, model: str, kind: str) -> str:
    mime = "image/gif" if kind == "image" else "application/pdf"
    data = PIXEL if kind == "image" else DOCUMENT
    source: Any = {"type": "base64", "media_type": mime, "data": data}
    block = {"type": "image" if kind == "image" else "document", "source": source}
    content: Any = [{"type": "text", "text": "What is it?"}, block]
    asked: Any = [{"role": "user", "content": content}]
    made = client_of(served).messages.create(model=model, max_tokens=50, messages=asked)
    return str(made.content[0].text)


def ask_responses(served: Served, model: str, kind: str) -> str:
    part = (
        {"type": "input_image", "image_url": f"data:image/gif;base64,{PIXEL}"}
        if kind == "image"
        else {
            "type": "input_file",
            "filename": "document.pdf",
            "file_data": f"data:application/pdf;base64,{DOCUMENT}",
        }
    )
    content: Any = [{"type": "input_text", "text": "What is it?"}, part]
    asked: Any = [{"role": "user", "content": content}]
    return str(served.client().responses.create(model=model, input=asked).output_text)


ASK = {"messages": ask_messages, "responses": ask_responses}


@pytest.mark.parametrize("protocol", sorted(ASK))
def test_an_image_reaches_both_kinds_of_tiers(protocol, seeing, small, frontier):
    assert ASK[protocol](seeing, "small", "image") == "a small answer"
    assert small.requests[0].body["messages"][0]["images"] == [PIXEL]
    assert ASK[protocol](seeing, "frontier", "image") == "a frontier answer"
    text, image = frontier.requests[0].body["messages"][0]["content"]
    assert text == {"type": "text", "text": "What is it?"}
    assert image["image_url"]["url"] == f"data:image/gif;base64,{PIXEL}"


@pytest.mark.parametrize("protocol", sorted(ASK))
def test_a_document_goes_to_the_tier_that_reads_it(protocol, seeing, small, frontier):
    assert ASK[protocol](seeing, "auto", "document") == "a frontier answer"
    assert small.requests == []
    _, document = frontier.requests[0].body["messages"][0]["content"]
    assert document["file"] == {
        "file_data": f"data:application/pdf;base64,{DOCUMENT}",
        "filename": "document.pdf",
    }
