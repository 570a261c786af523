"""How the families of models write a tool call as text: the marks before and around it.

One reader serves all: behind a family's opening mark stands JSON, a call in Python's notation, or
parameters in tags, and the marks between and behind the calls say nothing further.
"""

from __future__ import annotations

import re

OPENING = re.compile(
    r"<tool_calls?>|<tool_call name=|<tool_?call>|<tool_use>|<(?:tools|function)>(?=\s{0,9}[\[{])"
    r"|<\|tool_call>|\A\s*+to=functions\.[\w.\-]+"
    r"|<TOOLCALL>|<function_calls>|<(?:antml:)?function_calls>"  # Hermes, Nemotron
    r"|<(?:antml:)?invoke name=|<function(?:=| name=)"  # claude, Qwen-coder, Llama 3.1
    r"|\[TOOL_CALLS\]|functools\[|<\|python_tag\|>"  # Mistral, Phi-4-mini, Llama 3
    r"|<\|tool_calls?\|>|<\|tool_call_start\|>|<\|START_ACTION\|>"  # Phi, Granite, LFM, Cohere
    r"|<｜DSML｜function_calls>|<[|｜]tool[▁_]calls?[▁_]begin[|｜]>"  # DeepSeek
    r"|<\|tool_calls?_section_begin\|>|<\|tool_call_begin\|>"  # Kimi
    r"|<\|action_start\|>|<start_function_call>"  # InternLM, FunctionGemma
    r"|```tool_(?:code|call)s?\b"  # Gemma
    # harmony; servers that drop special tokens leave "commentary to=functions.f json{...}"
    r"|(?:<\|start\|>)?(?:assistant)?(?:<\|channel\|>)?commentary\s{1,9}to=(?:functions\.)?[\w.\-]+"
    r"|(?:<\|start\|>)?(?:assistant)?<\|channel\|>analysis\s{1,9}to=(?:functions\.)?[\w.\-]+"
    r"|(?:<\|start\|>)?assistant\s{1,9}to=(?:functions\.)?[\w.\-]+(?=\s{0,9}<\|channel\|>)"
)
"""What opens a group of calls."""

SKIPPED = re.compile(
    r"[\s,;]+|</?tool_?calls?>|</?tools>|</?tool_use>|<function>|<\|?tool_call\|?>|</?TOOLCALL>|</?(?:antml:|｜DSML｜)?function_calls>|</function>"
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
    r"(?:<\|start\|>)?(?:assistant)?\s{0,9}(?:<\|channel\|>)?(?:commentary|analysis)?\s{0,9}to=(?:functions\.)?(?P<name>[\w.\-]+)"
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
    r"|<(?:function|tool_call) name=[\"'](?P<named>[^<>\"']{1,200})[\"']\s{0,9}>"
    r"|<(?:antml:|｜DSML｜)?invoke name=[\"'](?P<invoke>[^<>\"']{1,200})[\"']\s{0,9}>"
)
"""A call whose arguments stand in tags: Qwen-coder, claude, DeepSeek."""

TAGGED_END = re.compile(r"</function>|</tool_call>|</(?:antml:|｜DSML｜)?invoke>")

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

ESCAPED = re.compile(r"(?:call:)?(?P<name>[\w.\-]{1,200})(?=\{\s{0,9}(?:\w{1,200}:|\}))")
"""Gemma's calls since FunctionGemma: keys without quotes, texts between marks of their own."""

LEAKED = re.compile(
    r"\A\s*(?:<\|(?:start_header_id|end_header_id|begin_of_text|im_start)\|>|<start_of_turn>|<\|assistant\|>)"
)
"""A chat template's own marks at an answer's beginning: the model has lost the template."""

_ENDS = (
    *("<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<|call|>", "<|return|>"),
    *("<|endoftext|>", "<|end_of_text|>", "</s>", "<end_of_turn>", "<｜end▁of▁sentence｜>"),
    *("</tool_call>", "<tool_call>", "</tool_calls>", "<tool_calls>", "</function>"),
)


def without_ends(text: str) -> str:
    """A text without the marks that a server may hand on behind the last call, stripped."""
    end = len(text)
    while True:
        while end and text[end - 1].isspace():
            end -= 1
        mark = next((mark for mark in _ENDS if text.endswith(mark, 0, end)), None)
        if mark is None:
            return text[:end].strip()
        end -= len(mark)


EXPLAINS = re.compile(
    r"looks? (?:\w+ )?like|for (?:example|instance)|e\.g\.|an? example|such as|would (?:be|look)"
    r"|is (?:written|how)|are written|syntax|this is what|the (?:general )?format (?:is|of)"
    r"|like this\b|you(?:'d| would| can| could| should| must)? write\b"
    r"|template|placeholder|in (?:this|the) form(?:at)?\b|\bwrites\b"
    r"|sieht .{0,40}aus\b|ressemble|se ve así|luce así|tem este aspecto|tiene este aspecto|appare così"
    r"|si presenta così|выгляд|вигляда|wygląda|ziet er|görün|şöyle|(?:terlihat|tampak) seperti|có dạng"
    r"|このような|次のような|形式|长这样|형식|รูปแบบ|يبدو|صيغة|प्रारूप|দেখতে"
    r"|格式|例如|比如|示例|例えば|예를 들어|zum beispiel|por ejemplo|par exemple|por exemplo|ad esempio"
    r"|например|наприклад|na przykład|bijvoorbeeld|misalnya|örneğin|ví dụ|ตัวอย่าง|مثال|उदाहरण|উদাহরণ",
    re.IGNORECASE,
)
"""Words of an answer that shows a call and does not make one."""

PLACEHOLDER_VALUE = re.compile(
    r"\.\.\.|…|\A<[^<>]{1,60}>\Z|\A\{\{?[\w .-]{1,60}\}\}?\Z|\A\[[\w .-]{1,60}\]\Z"
    r"|\Ayour[_ ]|[_ ]here\Z|\A(?:value|arg|argument|param|parameter)[_ ]?\d{0,3}\Z",
    re.IGNORECASE,
)
"""An argument that stands for one."""

PLACEHOLDER_TEXT = re.compile(
    r"\.\.\.|…|\{\{"
    r"|<(?!tool_|TOOLCALL|function_calls>|arg_|start_|end_|escape>)[A-Za-z][\w .-]{0,60}>"
    r"|[\"']?(?:function|tool|func)[_-]?name[\"']?\s{0,9}[,(\n>\[]",
)
"""What stands for a value or a name in a form that is shown."""
