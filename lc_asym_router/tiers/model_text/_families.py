"""How the families of models write a tool call as text: the marks before and around it.

One reader serves all: behind a family's opening mark stands JSON, a call in Python's notation, or
parameters in tags, and the marks between and behind the calls say nothing further.
"""

from __future__ import annotations

import re

_TAG = r"(?:\w{1,20}[:_]|｜DSML｜)?"
"""What some families put before the names of their tags: `<minimax:tool_call>`."""

OPENING = re.compile(
    rf"<{_TAG}tool_calls?>|<tool_call name=|<(?:tool_?|function_?)call>|<tool_code>"
    r"|<(?:use_mcp_tool|tool_use)>|<(?:tools|function)>(?=\s{0,9}[\[{])"
    r"|<\|tool_call>|\A\s*+to=functions\.[\w.\-]+"
    rf"|<TOOLCALL>|<{_TAG}function_calls>"  # Hermes, Nemotron
    # claude, Qwen-coder, Llama 3.1
    rf"|<{_TAG}invoke name=|<invoke>(?=\s{{0,99}}<tool_name>)|<function(?:=| name=)"
    r"|\[TOOL_CALLS?\]|functools\[|<\|python_(?:tag|start)\|>"  # Mistral, Phi-4-mini, Llama 3 and 4
    r"|<\|tool_calls?\|>|<\|tool_call_start\|>|<\|START_ACTION\|>"  # Phi, Granite, LFM, Cohere
    r"|<｜DSML｜function_calls>|<[|｜]tool[▁_]calls?[▁_]begin[|｜]>"  # DeepSeek
    r"|<\|tool_calls?_section_begin\|>|<\|tool_call_begin\|>"  # Kimi
    r"|<\|action_start\|>|<start_function_call>|<\|tools_prefix\|>"  # InternLM, FunctionGemma, Apertus
    # functionary
    r"|>>>[\w.\-]{1,200}\n(?=\s{0,9}\{)|<\|recipient\|>\s{0,9}(?!all\b)[\w.\-]{1,200}\s{0,9}<\|content\|>"
    r"|```tool_(?:code|call)s?\b"  # Gemma
    r"|^[ \t*]{0,9}Action[*]{0,2}:[ \t*`\"']{0,9}[\w.\-]{1,200}[ \t*`\"']{0,9}\n"  # ReAct
    r"(?=\s{0,9}[*]{0,2}Action[ _]Input)|✿FUNCTION✿:?"  # Qwen-agent
    # harmony; servers that drop special tokens leave "commentary to=functions.f json{...}"
    r"|(?:<\|start\|>)?(?:assistant)?(?:<\|channel\|>)?commentary\s{1,9}to=(?:functions\.)?[\w.\-]+"
    r"|(?:<\|start\|>)?(?:assistant)?<\|channel\|>analysis\s{1,9}to=(?:functions\.)?[\w.\-]+"
    r"|(?:<\|start\|>)?assistant\s{1,9}to=(?:functions\.)?[\w.\-]+"
    r"(?=\s{0,9}<\|(?:channel|constrain|message)\|>)",
    re.MULTILINE,
)
"""What opens a group of calls."""

SKIPPED = re.compile(
    rf"[\s,;]+|</?{_TAG}tool_?calls?>|</?function_?call>|</?tools>|</?tool_(?:use|code)>|</?use_mcp_tool>"
    rf"|<function>|<\|?tool_call\|?>|</?TOOLCALL>|</?{_TAG}function_calls>|</function>"
    r"|\[/?TOOL_CALLS?\]|functools(?=\[)|<\|python_(?:tag|start|end)\|>|<\|/?tool_calls?\|>"
    r"|<\|tool_call_(?:start|end)\|>|<\|(?:START|END)_ACTION\|>|<\|action_(?:start|end)\|>"
    r"|<\|(?:plugin|interpreter)\|>|<(?:start|end)_function_call>|<\|tools_(?:prefix|suffix)\|>"
    r"|<[|｜]tool[▁_](?:calls?|sep|outputs?)(?:[▁_](?:begin|end))?[|｜]>|function(?=<[|｜]tool[▁_]sep[|｜]><)"
    r"|<\|tool_calls?(?:_section)?_(?:begin|end)\|>"
    r"|>>>(?=[\w.\-]{1,200}\n)|<\|from\|>\s{0,9}assistant|<\|recipient\|>"
    r"|print\(\s{0,9}\w{1,99}\s{0,9}\)|\w{1,99}\s{0,9}=\s{0,9}(?=[\w.]{1,200}\()"
    r"|```(?:json|tool_calls?|tool_code|python)?(?![\w`])"
    r"|<\|(?:channel|constrain|message|call|end|start|return|stop|eom_id|eot_id|eom|eot|im_end)\|>"
    rf"|<(?:end_of_turn|/s|eos)>|\[\|endofturn\|\]|</{_TAG}invoke>"
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
    r"(?:\[CALL_ID\][\w\-]{0,99})?(?:\[ARGS\]|<[|｜]tool[▁_]sep[|｜]>|<\|(?:tool_call_argument_begin|content)\|>)?"
    r"\s{0,99}(?:```(?:json)?\s{0,99})?(?=\{)"
)
"""A tool's name with JSON behind it: Mistral, DeepSeek, Kimi."""

TAGGED = re.compile(
    r"<function=[\"']?(?P<function>[^<>\s\"']{1,200})[\"']?>"
    r"|<(?:function|tool_call) name=[\"'](?P<named>[^<>\"']{1,200})[\"']\s{0,9}>"
    rf"|<{_TAG}invoke name=[\"'](?P<invoke>[^<>\"']{{1,200}})[\"']\s{{0,9}}>"
)
"""A call whose arguments stand in tags: Qwen-coder, claude, DeepSeek."""

TAGGED_END = re.compile(rf"</function>|</{_TAG}tool_call>|</{_TAG}invoke>")

PARAMETER = re.compile(
    r"\s*(?:<parameter=[\"']?(?P<key>[^<>\n\"']{1,200})[\"']?>"
    rf"|<{_TAG}param(?:eter)? name=[\"'](?P<name>[^<>\"']{{1,200}})[\"'][^<>]{{0,99}}>)"
)
PARAMETER_END = re.compile(rf"</{_TAG}param(?:eter)?>")

TAGGED_CHILD = re.compile(
    r"(?:<invoke>\s{0,99})?<tool_name>(?P<name>[^<>]{1,200})</tool_name>\s{0,99}"
    r"<(?P<tag>parameters|arguments|input|args)>"
)
CHILD = re.compile(r"\s*<(?P<key>[\w.\-]{1,200})>(?P<value>[^<]*)</(?P=key)>")
"""A call whose name and arguments have a tag each: claude's first, Cline."""

LABELLED = re.compile(
    r"(?:[ \t*]{0,9}Action[*]{0,2}:[ \t*`\"']{0,9}(?P<action>[\w.\-]{1,200})[ \t*`\"']{0,9}\n"
    r"\s{0,9}[*]{0,2}Action[ _]Input[*]{0,2}:[*]{0,2}"
    r"|✿FUNCTION✿:?[ \t]{0,9}(?P<function>[\w.\-]{1,200})\s{0,9}✿ARGS✿:?)"
    r"\s{0,9}(?:```(?:json)?\s{0,9})?(?=\{)"
)
"""ReAct's lines, and Qwen-agent's."""

LABELLED_END = re.compile(r"\s*(?:[*]{0,2}Observation[*]{0,2}|✿RESULT✿):?")

KEYED = re.compile(rf"(?P<name>[\w.\-]{{1,200}})\s{{0,9}}(?=<{_TAG}arg_key>|</{_TAG}tool_call>)")
"""GLM: the name, then pairs of `<arg_key>` and `<arg_value>`."""

KEYED_ARGUMENT = re.compile(
    rf"\s*<{_TAG}arg_key>(?P<key>[^<]{{1,200}})</{_TAG}arg_key>\s{{0,99}}<(?P<tag>{_TAG}arg_value)>"
)

PRINTED = re.compile(r"print\(\s{0,9}(?=[\w.]+\()")
"""Gemma puts its calls into `print(...)`."""

ESCAPED = re.compile(r"(?:call:)?(?P<name>[\w.\-]{1,200})(?=\{\s{0,9}(?:\w{1,200}:|\}))")
"""Gemma's calls since FunctionGemma: keys without quotes, texts between marks of their own."""

HEADER = re.compile(
    r"\A[\s\ufeff]*+(?:<\|begin_of_text\|>|<bos>|<s>)?\s*+"
    r"(?:<\|start_header_id\|>\s{0,9}assistant\s{0,9}<\|end_header_id\|>"
    r"|<\|header_start\|>\s{0,9}assistant\s{0,9}<\|header_end\|>"
    r"|<\|start_of_role\|>assistant<\|end_of_role\|>|<\|im_start\|>\s{0,9}assistant\b(?:<\|im_sep\|>)?"
    r"|<start_of_turn>\s{0,9}model\b|<\|assistant\|>|<｜Assistant｜>"
    r"|(?:<\|from\|>\s{0,9}assistant\s{0,9})?<\|recipient\|>\s{0,9}all\s{0,9}<\|content\|>"
    r"|<\|from\|>\s{0,9}assistant\b|(?:>>>)?all\n(?=(?:[^>]|>(?!>>))*+>>>\w))?\s*+"
)
"""A chat template's own head of an answer, which a model or a server has put before it, once."""

LEAKED = re.compile(
    r"\A<\|(?:start_header_id|end_header_id|header_start|header_end|begin_of_text|im_start)\|>"
    r"|\A(?:<start_of_turn>|<\|assistant\|>)"
)
"""Further such marks behind it: the model has lost the template."""

LABEL = re.compile(
    r"[\s*#\-]{0,9}(?:(?:tool|function)s?[ _]?calls?|action|assistant|json)?\s{0,9}:?[\s*]{0,9}",
    re.IGNORECASE,
)
"""A last line before a call that only announces it, and says nothing."""

_ENDS = (
    *("<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<|call|>", "<|return|>"),
    *("<|eot|>", "<|eom|>", "<|python_end|>", "<|stop|>", "[|endofturn|]", "<|END_OF_TURN_TOKEN|>"),
    *("<|endoftext|>", "<|end_of_text|>", "</s>", "<end_of_turn>", "<｜end▁of▁sentence｜>"),
    *("</tool_call>", "<tool_call>", "</tool_calls>", "<tool_calls>", "</function>"),
    *("Observation:", "[/TOOL_CALLS]"),
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
    r"\.\.\.|…|\{\{\s?[\w .-]{1,60}\}\}"
    r"|<(?!tool_|TOOLCALL|function_calls?>|(?:arg|param|input)|start_|end_|escape>)"
    r"[A-Za-z][\w .-]{0,60}>"
    r"|(?<![</])[\"']?(?:function|tool|func)[_-]?name[\"']?\s{0,9}[,(\n>\[]",
)
"""What stands for a value or a name in a form that is shown."""
