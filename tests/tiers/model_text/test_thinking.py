"""Thinking set apart, in texts written by hand after the models' templates, and in messages."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage

from lc_asym_router.tiers.model_text import separate_thinking, split_thinking, thinking_is_complete

HARMONY = "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Hi"


@pytest.mark.parametrize(
    ("text", "thinking", "answer"),
    [
        ("<think>hm</think>\n\nHi", "hm", "Hi"),
        ("\n<think>\nhm\n</think>\nHi\n", "hm", "Hi\n"),
        ("<Think>hm</Think>Hi", "hm", "Hi"),
        ("<thinking>hm</thinking>Hi", "hm", "Hi"),
        ("<reasoning>hm</reasoning>Hi", "hm", "Hi"),
        ("<thought>hm</thought>Hi", "hm", "Hi"),
        ("<seed:think>hm</seed:think>Hi", "hm", "Hi"),
        ("[THINK]hm[/THINK]Hi", "hm", "Hi"),
        ("◁think▷hm◁/think▷Hi", "hm", "Hi"),
        ("<|channel>thought\nhm<channel|>Hi", "hm", "Hi"),
        ("<|START_THINKING|>hm<|END_THINKING|><|START_RESPONSE|>Hi<|END_RESPONSE|>", "hm", "Hi"),
        ("<think>hm</think><response>Hi</response>", "hm", "Hi"),
        # the template wrote the opening
        ("hm\n</think>\n\nHi", "hm", "Hi"),
        ("hm.</think>Hi", "hm.", "Hi"),
        ("[b] hm\n[/THINK]\nHi", "[b] hm", "Hi"),
        # nested, repeated, empty, alone
        ("<think>a<think>b</think>c</think>Hi", "a<think>b</think>c", "Hi"),
        ("<think>a <think> tag</think>Hi", "a <think> tag", "Hi"),
        ("<think>a</think><think>b</think>Hi", "a\n\nb", "Hi"),
        ("<think>\n\n</think>\n\nHi", "", "Hi"),
        ("<think>hm</think>", "hm", ""),
        ("hm\n</think>\n", "hm", ""),
        ("Well.\n<think>hm</think>\nHi", "hm", "Well.\n\nHi"),
        # a closing mark that the thoughts quote, and a fence that they leave open
        ("<think>the `</think>` ends it</think>Hi", "the `</think>` ends it", "Hi"),
        ("<think>\n```python\nx = 1\n</think>\nHi", "```python\nx = 1", "Hi"),
        # harmony
        (HARMONY, "hm", "Hi"),
        (HARMONY + "<|return|>", "hm", "Hi"),
        ("<|start|>assistant" + HARMONY, "hm", "Hi"),
        ("hm<|end|><|start|>assistant<|channel|>final<|message|>Hi", "hm", "Hi"),
        ("analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Hi", "hm", "Hi"),
        ("analysisWe need it.assistantfinalHi", "We need it.", "Hi"),
        ("<|channel|>final<|message|>Hi<|return|>", "", "Hi"),
        (
            "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>commentary"
            "<|message|>b<|end|><|start|>assistant<|channel|>final<|message|>c",
            "a",
            "b\n\nc",
        ),
    ],
)
def test_thinking_is_set_apart(text, thinking, answer):
    found = split_thinking(text)
    assert (found.thinking, found.answer, found.whole) == (thinking, answer, True)


@pytest.mark.parametrize(
    ("text", "thinking", "answer"),
    [
        ("<think>hm", "hm", ""),
        ("<think>", "", ""),
        ("[THINK]hm", "hm", ""),
        ("Well.\n<think>hm", "hm", "Well.\n"),
        ("<think>a</think>b\n<think>c", "a\n\nc", "b\n"),
        ("<|channel|>analysis<|message|>hm", "hm", ""),
        ("<|channel|>anal", "", ""),
    ],
)
def test_unclosed_thinking_is_not_whole(text, thinking, answer):
    found = split_thinking(text)
    assert (found.thinking, found.answer, found.whole) == (thinking, answer, False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hi",
        "The `<think>` tag opens thinking and `</think>` closes it.",
        'Models write "<think>" first and "</think>" last.',
        "Models write <think> first, and then </think> when they are done",
        "For example:\n```\n<think>hm</think>\nHi\n```\nThat is the form.",
        "analysis of the data",
        "analysis: the assistant is right",
        "I think </b> is HTML.",
        '{"text": "so.</think>"}',
        '<tool_call>{"name": "write", "arguments": {"text": "so.</think>"}}</tool_call>',
        "We speak of <|channel|>analysis<|message|> in harmony.",
    ],
)
def test_an_answer_without_thinking_stays(text):
    found = split_thinking(text)
    assert (found.thinking, found.answer, found.whole) == ("", text, True)
    message = AIMessage(text)
    assert separate_thinking(message) is message


@pytest.mark.parametrize("provider", [None, "openai", "ollama", "anthropic", "groq", "deepseek"])
def test_a_messages_thinking_is_a_reasoning_block(provider):
    metadata = {"model_provider": provider} if provider else {}
    message = AIMessage("<think>hm</think>Hi", id="m", response_metadata=metadata)
    apart = separate_thinking(message)
    assert apart.text == "Hi"
    assert apart.content_blocks == [
        {"type": "reasoning", "reasoning": "hm"},
        {"type": "text", "text": "Hi"},
    ]
    assert apart.id == "m"
    assert message.content == "<think>hm</think>Hi"
    assert separate_thinking(apart) is apart


def test_tool_calls_stay_beside_thinking():
    call = {"name": "f", "args": {}, "id": "1", "type": "tool_call"}
    apart = separate_thinking(AIMessage("<think>hm</think>", tool_calls=[call]))
    assert apart.tool_calls == [call]
    assert [block["type"] for block in apart.content_blocks] == ["reasoning", "tool_call"]


def test_blocks_beside_the_thinking_stay():
    image = {"type": "image", "url": "http://127.0.0.1/x.png"}
    text = {"type": "text", "text": "<think>hm</think>Hi", "annotations": []}
    assert separate_thinking(AIMessage([text, image])).content == [
        {"type": "reasoning", "reasoning": "hm"},
        {"type": "text", "text": "Hi", "annotations": []},
        image,
    ]
    plain = AIMessage([{"type": "text", "text": "Hi"}, image])
    assert separate_thinking(plain) is plain


def test_empty_thinking_makes_no_block():
    assert separate_thinking(AIMessage("<think>\n</think>\nHi")).content == "Hi"


def test_a_message_says_whether_its_thinking_is_whole():
    assert thinking_is_complete(AIMessage("<think>hm</think>Hi"))
    assert not thinking_is_complete(AIMessage("<think>hm"))
    assert not thinking_is_complete(AIMessage([{"type": "text", "text": "<think>hm"}]))


def test_no_repr_holds_the_models_words():
    assert "hm" not in repr(split_thinking("<think>hm</think>Hi"))
