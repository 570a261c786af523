"""How the families of models write a tool call as text: the marks before and around it.

One reader serves all: behind a family's opening mark stands JSON, a call in Python's notation, or
parameters in tags, and the marks between and behind the calls say nothing further.
"""

from __future__ import annotations

import re

OPENING = re.compile(
    r"<tool_calls?>|<TOOLCALL>|<function_calls>|<(?:antml:)?function_calls>"  # Hermes, Nemotron
    r"|<(?:antml:)?invoke name=|<function(?:=| name=)"  # claude, Qwen-coder, Llama 3.1
    r"|\[TOOL_CALLS\]|functools\[|<\|python_tag\|>"  # Mistral, Phi-4-mini, Llama 3
    r"|<\|tool_calls?\|>|<\|tool_call_start\|>|<\|START_ACTION\|>"  # Phi, Granite, LFM, Cohere
    r"|<｜DSML｜function_calls>|<[|｜]tool[▁_]calls?[▁_]begin[|｜]>"  # DeepSeek
    r"|<\|tool_calls?_section_begin\|>|<\|tool_call_begin\|>"  # Kimi
    r"|<\|action_start\|>|<start_function_call>"  # InternLM, FunctionGemma
    r"|```tool_(?:code|call)s?\b"  # Gemma
    r"|(?:<\|start\|>)?(?:assistant)?(?:<\|channel\|>)?(?:commentary|analysis)?"
    r"\s{0,9}\bto=(?:functions\.)?[\w.\-]+"  # harmony
)
"""What opens a group of calls."""

SKIPPED = re.compile(
    r"[\s,;]+|</?tool_calls?>|</?TOOLCALL>|</?(?:antml:|｜DSML｜)?function_calls>|</function>"
    r"|\[/?TOOL_CALLS\]|functools(?=\[)|<\|python_tag\|>|<\|/?tool_calls?\|>"
    r"|<\|tool_call_(?:start|end)\|>|<\|(?:START|END)_ACTION\|>|<\|action_(?:start|end)\|>"
    r"|<\|(?:plugin|interpreter)\|>|<(?:start|end)_function_call>"
    r"|<[|｜]tool[▁_](?:calls?|sep|outputs?)(?:[▁_](?:begin|end))?[|｜]>"
    r"|<\|tool_calls?(?:_section)?_(?:begin|end)\|>"
    r"|```(?:json|tool_calls?|tool_code|python)?(?![\w`])"
    r"|<\|(?:channel|constrain|message|call|end|start|return|eom_id|eot_id|im_end)\|>"
    r"|<(?:end_of_turn|/s|eos)>"
)
"""Marks and spaces that stand around calls without meaning anything for them."""

HARMONY = re.compile(
    r"(?:<\|channel\|>)?(?:commentary|analysis)?\s{0,9}to=(?:functions\.)?(?P<name>[\w.\-]+)"
    r"(?:\s{0,9}<\|channel\|>\s{0,9}(?:commentary|analysis))?"
    r"(?:\s{0,9}<\|constrain\|>)?\s{0,9}(?:json|code)?\s{0,9}(?:<\|message\|>)?\s{0,99}(?=[{\[])"
)

NAMED = re.compile(
    r"(?:call:)?(?:function[ \t]{0,9}<[|｜]tool[▁_]sep[|｜]>|functions\.)?(?P<name>[\w.\-/]{1,200})"
    r"(?:\:\d{1,9})?\s{0,9}"
    r"(?:\[CALL_ID\][\w\-]{0,99})?(?:\[ARGS\]|<[|｜]tool[▁_]sep[|｜]>|<\|tool_call_argument_begin\|>)?"
    r"\s{0,99}(?:```(?:json)?\s{0,99})?(?=\{)"
)
"""A tool's name with JSON behind it: Mistral, DeepSeek, Kimi."""

TAGGED = re.compile(
    r"<function=(?P<function>[^<>\s]{1,200})>"
    r"|<function name=[\"'](?P<named>[^<>\"']{1,200})[\"']\s{0,9}>"
    r"|<(?:antml:|｜DSML｜)?invoke name=[\"'](?P<invoke>[^<>\"']{1,200})[\"']\s{0,9}>"
)
"""A call whose arguments stand in tags: Qwen-coder, claude, DeepSeek."""

TAGGED_END = re.compile(r"</function>|</(?:antml:|｜DSML｜)?invoke>")

PARAMETER = re.compile(
    r"\s*(?:<parameter=(?P<key>[^<>\n]{1,200})>"
    r"|<(?:antml:|｜DSML｜)?param(?:eter)? name=[\"'](?P<name>[^<>\"']{1,200})[\"'][^<>]{0,99}>)"
)
PARAMETER_END = re.compile(r"</(?:antml:|｜DSML｜)?param(?:eter)?>")

KEYED = re.compile(r"(?P<name>[\w.\-]{1,200})\s{0,9}(?=<arg_key>|</tool_call>)")
"""GLM: the name, then pairs of `<arg_key>` and `<arg_value>`."""

KEYED_ARGUMENT = re.compile(r"\s*<arg_key>(?P<key>[^<]{1,200})</arg_key>\s{0,99}<arg_value>")

PRINTED = re.compile(r"print\(\s{0,9}(?=[\w.]+\()")
"""Gemma puts its calls into `print(...)`."""

LEAKED = re.compile(
    r"\A\s*(?:<\|(?:start_header_id|end_header_id|begin_of_text|im_start)\|>|<start_of_turn>|<\|assistant\|>)"
)
"""A chat template's own marks at an answer's beginning: the model has lost the template."""

ENDS = re.compile(
    r"(?:\s|<\|(?:im_end|eot_id|eom_id|end|call|return|endoftext|end_of_text)\|>|</s>"
    r"|<end_of_turn>|<｜end▁of▁sentence｜>|</?tool_calls?>|</function>)+\Z"
)
"""What a server may hand on behind the last call."""

EXPLAINS = re.compile(
    r"looks? (?:\w+ )?like|for (?:example|instance)|e\.g\.|an? example|such as|would (?:be|look)"
    r"|is (?:written|how)|are written|syntax|this is what|the (?:general )?format (?:is|of)"
    r"|template|placeholder|in (?:this|the) form(?:at)?\b",
    re.IGNORECASE,
)
"""Words of an answer that shows a call and does not make one."""

PLACEHOLDER = re.compile(
    r"\.\.\.|…|<[\w \-]{1,40}>|\{\{|\[\w[\w ]{0,40}\]|\byour_|_here\b", re.IGNORECASE
)
