# ruff: noqa: E501 (an answer stands on one line)
"""Answers with tool calls as text, family by family. Written by hand after the models' templates and
the parsers of their servers; none is a recording.
"""

from __future__ import annotations

PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
}
NUMBERS = {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}}
TOOLS = {"get_weather": PARAMETERS, "add": NUMBERS}

WHOLE: list[tuple[str, list[tuple[str, dict[str, object]]], str]] = [
    # (the answer, its calls, what it says besides)
    (
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}</tool_call>\n<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}</tool_call>',
        [("get_weather", {"city": "Paris"}), ("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        'Let me check.\n\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>',
        [("get_weather", {"city": "Paris"})],
        "Let me check.",
    ),
    (
        '<think>I need <tool_call>x</tool_call></think>\n<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}</tool_call>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        'hmm\n</think>\n\n<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}</tool_call>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}</tool_call><|im_end|>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        "<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n</function>",
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        "<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n<parameter=days>\n3\n</parameter>\n</function>\n</tool_call>",
        [("get_weather", {"city": "Paris", "days": 3})],
        "",
    ),
    (
        '<function=get_weather>{"city": "Paris"}</function>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Paris"}}]',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '[TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Paris"}}, {"name": "get_weather", "arguments": {"city": "Paris"}}]</s>',
        [("get_weather", {"city": "Paris"}), ("get_weather", {"city": "Paris"})],
        "",
    ),
    ('[TOOL_CALLS]get_weather[ARGS]{"city": "Paris"}', [("get_weather", {"city": "Paris"})], ""),
    (
        '[TOOL_CALLS]get_weather{"city": "Paris"}[TOOL_CALLS]add{"a":1,"b":2}',
        [("get_weather", {"city": "Paris"}), ("add", {"a": 1, "b": 2})],
        "",
    ),
    (
        '[TOOL_CALLS]get_weather[CALL_ID]abc123456[ARGS]{"city": "Paris"}',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '<|python_tag|>{"name": "get_weather", "parameters": {"city": "Paris"}}',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    ('<|python_tag|>get_weather.call(city="Paris")', [("get_weather", {"city": "Paris"})], ""),
    (
        '{"name": "get_weather", "parameters": {"city": "Paris"}}',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '{"type": "function", "name": "get_weather", "parameters": {"city": "Paris"}}',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '{"name": "get_weather", "parameters": {"city": "Paris"}}; {"name": "add", "parameters": {"a": 1, "b": 2}}',
        [("get_weather", {"city": "Paris"}), ("add", {"a": 1, "b": 2})],
        "",
    ),
    ('[get_weather(city="Paris")]', [("get_weather", {"city": "Paris"})], ""),
    (
        '[get_weather(city="Paris"), add(a=1, b=-2.5)]',
        [("get_weather", {"city": "Paris"}), ("add", {"a": 1, "b": -2.5})],
        "",
    ),
    (
        'I will look.\n[get_weather(city="Paris")]',
        [("get_weather", {"city": "Paris"})],
        "I will look.",
    ),
    ('get_weather(city="Paris")', [("get_weather", {"city": "Paris"})], ""),
    (
        '<|python_tag|>[get_weather(city="Paris")]<|eom_id|>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{"city": "Paris"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{"city": "Paris"}<｜tool▁call▁end｜><｜tool▁call▁begin｜>add<｜tool▁sep｜>{"a":1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
        [("get_weather", {"city": "Paris"}), ("add", {"a": 1})],
        "",
    ),
    (
        '<｜DSML｜function_calls>\n<｜DSML｜invoke name="get_weather">\n<｜DSML｜parameter name="city" string="true">Paris</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    ('```tool_code\nget_weather(city="Paris")\n```', [("get_weather", {"city": "Paris"})], ""),
    (
        '```tool_code\nprint(get_weather(city="Paris"))\n```',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '```tool_code\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n```',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '```tool_call\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n```',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        'Sure!\n```tool_code\nget_weather(city="Paris")\nadd(a=1, b=2)\n```',
        [("get_weather", {"city": "Paris"}), ("add", {"a": 1, "b": 2})],
        "Sure!",
    ),
    (
        '<|tool_call|>[{"name": "get_weather", "arguments": {"city": "Paris"}}]<|/tool_call|>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '<|tool_call|>[{"name": "get_weather", "arguments": {"city": "Paris"}}]',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '<tool_call>[{"name": "get_weather", "arguments": {"city": "Paris"}}]',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        'functools[{"name": "get_weather", "arguments": {"city": "Paris"}}]',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '<|tool_call|>{"name": "get_weather", "arguments": {"city": "Paris"}}<|/tool_call|>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"city": "Paris"}<|call|>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '<|channel|>analysis<|message|>Need weather.<|end|><|start|>assistant<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"city": "Paris"}<|call|>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '<|start|>assistant to=functions.get_weather<|channel|>commentary json<|message|>{"city": "Paris"}<|call|>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        'analysisWe need it.assistantcommentary to=functions.get_weather json{"city": "Paris"}',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        'commentary to=functions.get_weather json{"city": "Paris"}',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '{"tool_calls": [{"name": "get_weather", "arguments": {"city": "Paris"}}]}',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '\n{"tool_calls": [{"name": "get_weather", "arguments": {"city": "Paris"}}, {"name": "get_weather", "arguments": {"city": "Paris"}}]}',
        [("get_weather", {"city": "Paris"}), ("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '<function_calls>\n<invoke name="get_weather">\n<parameter name="city">Paris</parameter>\n</invoke>\n</function_calls>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '<invoke name="get_weather">\n<parameter name="city">Paris</parameter>\n</invoke>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '```json\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n```',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '```\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n```',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        'I\'ll look that up.\n\n```json\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n```',
        [("get_weather", {"city": "Paris"})],
        "I'll look that up.",
    ),
    (
        'I will call it:\n{"name": "get_weather", "arguments": {"city": "Paris"}}',
        [("get_weather", {"city": "Paris"})],
        "I will call it:",
    ),
    (
        '[{"name": "get_weather", "arguments": {"city": "Paris"}},{"name": "get_weather", "arguments": {"city": "Paris"}}]',
        [("get_weather", {"city": "Paris"}), ("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '{"name": "get_weather", "arguments": {"city": "Paris"}}\n{"name": "get_weather", "arguments": {"city": "Paris"}}',
        [("get_weather", {"city": "Paris"}), ("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '{"type": "function", "function": {"name": "get_weather", "arguments": "{\\"city\\": \\"Paris\\"}"}}',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '{"type": "function", "function": {"name": "get_weather", "arguments": {"city": "Paris"}}}',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '{"type":"function","function":{"name":"get_weather","parameters":{"city":"Paris"}}}',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '{"id":"call_1","type":"function","function":{"name":"get_weather","arguments":"{\\"city\\": \\"Paris\\"}"}}',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n</tool_call>",
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{"city": "Paris"}<|tool_call_end|><|tool_calls_section_end|>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "get_weather", "parameters": {"city": "Paris"}}]<|END_ACTION|>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '<TOOLCALL>[{"name": "get_weather", "arguments": {"city": "Paris"}}]</TOOLCALL>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '<tool_calls>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_calls>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '<|action_start|><|plugin|>{"name": "get_weather", "arguments": {"city": "Paris"}}<|action_end|>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '```xml\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>\n```',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '```json\n[{"name": "get_weather", "arguments": {"city": "Paris"}}]\n```',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '`{"name": "get_weather", "arguments": {"city": "Paris"}}`',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '"get_weather" it is: \n{"name": "get_weather", "arguments": {"city": "Paris"}}',
        [("get_weather", {"city": "Paris"})],
        '"get_weather" it is:',
    ),
    (
        '<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}</tool_call>\nI will wait for the result.',
        [("get_weather", {"city": "Paris"})],
        "I will wait for the result.",
    ),
    (
        '{"name": "get_weather", "arguments": {"city": "Paris"}}\n\nThis will fetch the weather.',
        [("get_weather", {"city": "Paris"})],
        "This will fetch the weather.",
    ),
    (
        '```json\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n```\nThis will fetch the weather.',
        [("get_weather", {"city": "Paris"})],
        "This will fetch the weather.",
    ),
    ('{"name":"add","arguments":{}}', [("add", {})], ""),
    ('get_weather[ARGS]{"city": "Paris"}', [("get_weather", {"city": "Paris"})], ""),
    (
        'I will look. {"name": "get_weather", "arguments": {"city": "Paris"}}',
        [("get_weather", {"city": "Paris"})],
        "I will look.",
    ),
    (
        'Sure! [get_weather(city="Paris"), add(a=1, b=2)]',
        [("get_weather", {"city": "Paris"}), ("add", {"a": 1, "b": 2})],
        "Sure!",
    ),
    (
        '<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}}</tool_call>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '```json\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n```\n```json\n{"name": "add", "arguments": {"a": 1}}\n```',
        [("get_weather", {"city": "Paris"}), ("add", {"a": 1})],
        "",
    ),
    (
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>',
        [("get_weather", {"city": "Paris"}), ("add", {"a": 1})],
        "",
    ),
    (
        '<tool_call>\n{"name": "get_weather", "arguments": "{\\"city\\": \\"Paris\\"}"}\n</tool_call>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    # thinking that is not closed, and ends in a call
    (
        '<think>I need the weather.\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '<think>\nOkay.\n{"name": "get_weather", "arguments": {"city": "Paris"}}',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    # Gemma since FunctionGemma
    (
        "<start_function_call>call:get_weather{city:<escape>Paris, France<escape>,days:3}<end_function_call>",
        [("get_weather", {"city": "Paris, France", "days": 3})],
        "",
    ),
    (
        '<|tool_call>call:get_weather{city:<|"|>Paris<|"|>}<tool_call|>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    ("<start_function_call>call:add{}<end_function_call>", [("add", {})], ""),
    # marks that small models mistake for their own
    (
        '<tools>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tools>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '<toolcall>{"name": "get_weather", "arguments": {"city": "Paris"}}</toolcall>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '<tool_use>{"name": "get_weather", "input": {"city": "Paris"}}</tool_use>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '<function>{"name": "get_weather", "arguments": {"city": "Paris"}}</function>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '<tool_call name="get_weather">{"city": "Paris"}</tool_call>',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        "<tool_call>{'name': 'get_weather', 'arguments': {'city': 'Paris'}}</tool_call>",
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    # objects around OpenAI's own
    (
        '{"function_call": {"name": "get_weather", "arguments": "{\\"city\\": \\"Paris\\"}"}}',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    (
        '{"action": "get_weather", "action_input": {"city": "Paris"}}',
        [("get_weather", {"city": "Paris"})],
        "",
    ),
    # a call in Python's notation, on a line of its own behind a sentence
    (
        'I will look it up.\n\nget_weather(city="Paris")',
        [("get_weather", {"city": "Paris"})],
        "I will look it up.",
    ),
    ('to=functions.get_weather {"city": "Paris"}', [("get_weather", {"city": "Paris"})], ""),
]

BROKEN: list[tuple[str, str]] = [
    # (the answer, a word of the reason)
    ('<tool_call>\n{"name": "get_weather", "arguments": {"city": "', "its JSON breaks off"),
    ("<tool_call>", "it begins a tool call as text and writes none"),
    (
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": Paris}}\n</tool_call>',
        "its JSON is malformed",
    ),
    ('<tool_call>{"name": "get_time", "arguments": {}}</tool_call>', "is not bound"),
    ("<function=get_weather>\n<parameter=city>\nParis", "a parameter's tag is not closed"),
    ('[TOOL_CALLS][{"name": "get_weather", "arg', "its JSON breaks off"),
    ('[TOOL_CALLS]get_weather[ARGS]{"city": "Par', "its JSON breaks off"),
    ("<|python_tag|>print(1+1)", "its call is malformed or breaks off"),
    ('<|python_tag|>{"name": "get_weather", "parameters": {"city"', "its JSON breaks off"),
    ('[get_weather(city="Par', "its arguments are no literals"),
    ('[get_weather("Paris")]', "it writes a tool call as text, with arguments without names"),
    ("[get_weather(city=", "its arguments are no literals"),
    (
        '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{"city": "Pa',
        "its JSON breaks off",
    ),
    ("```tool_code\nget_weather(city=\n```", "its arguments are no literals"),
    ('```tool_code\nget_wether(city="x")\n```', "is not bound"),
    ('<|tool_call|>[{"name": "get_weather", "arguments": {"city": "Paris"}', "its JSON breaks off"),
    (
        '<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{"city": "Par',
        "its JSON breaks off",
    ),
    (
        '<|channel|>commentary to=functions.nope <|constrain|>json<|message|>{"city": "Par"}<|call|>',
        "is not bound",
    ),
    (
        '{"tool_calls": [{"name": "get_weather", "arguments": {"city": "Paris"}}',
        "its JSON breaks off",
    ),
    ('{"tool_calls": [{"name": "nope", "arguments": {"city": "Paris"}}]}', "is not bound"),
    (
        '<function_calls>\n<invoke name="get_weather">\n<parameter name="city">Paris</parameter>\n',
        "its tag is not closed",
    ),
    ('```json\n{"name": "get_weather", "arguments": {"city": "Paris"}\n```', "its JSON breaks off"),
    ('{"name": "get_weather", "arguments": {"city": "Paris"}', "its JSON breaks off"),
    ('{"name": "nope", "arguments": {"city": "Paris"}}', "is not bound"),
    (
        'I will look.\n```json\n{"name": "get_weather", "arguments": {"city": }}\n```',
        "its JSON is malformed",
    ),
    ('{"type":"function","function":{"name":"nope","parameters":{}}}', "is not bound"),
    (
        '{"type":"function","function":{"name":"get_weather","arguments":"{\\"city\\": "}}',
        "it writes a tool call as text, and its arguments are no object",
    ),
    (
        "<tool_call>\nget_weather Paris\n</tool_call>",
        "it begins a tool call as text and writes none",
    ),
    ('Let me check.\n<tool_call>\n{"name": "get_weather"', "its JSON breaks off"),
    (
        '<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}</tool_call><tool_call>{"name": "add", "arg',
        "its JSON breaks off",
    ),
    (
        '{"name": "get_weather", "arguments": "Paris"}',
        "it writes a tool call as text, and its arguments are no object",
    ),
    ('I will look.\n{"name": "get_weather", "arguments": {"city": "Par', "its JSON breaks off"),
    ('<tool_call>{"name": "get_weather"}</tool_call>', "its JSON is no call"),
    ('I will look. {"name": "get_weather", "arguments": {"city": "Par', "its JSON breaks off"),
    (
        '<think>hm</think>\n<tool_call>{"name": "get_weather", "arguments": {"city": "Par',
        "its JSON breaks off",
    ),
    ('<think>I should call\n<tool_call>{"name": "get_weather", "arg', "its JSON breaks off"),
    ("<start_function_call>call:get_weather{city:<escape>Par", "its arguments break off"),
    ("<start_function_call>call:nothing{}<end_function_call>", "a tool that is not bound"),
]

SHOWN: list[str] = [
    "It is sunny in Paris.",
    "",
    '{"name": "Alice", "age": 3}',
    '```json\n{"name": "Alice", "arguments": "none"}\n```',
    'A tool call looks like this:\n\n```json\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n```\n\nThe model writes it and the client runs the tool.',
    'For example:\n```\n<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}</tool_call>\n```\nHere the name is the tool\'s.',
    "Hermes models write `<tool_call>{...}</tool_call>` around their calls.",
    "The <tool_call> tag opens a call and </tool_call> closes it.",
    'The form is <tool_call>{"name": <function-name>, "arguments": <args-dict>}</tool_call> and nothing else.',
    'You write {"name": "get_weather", "arguments": {"city": "Paris"}} to call it.',
    'You can call `get_weather(city="Paris")` for that.',
    'In Python: get_weather(city="Paris") gives the weather.',
    '```python\ndef get_weather(city):\n    return 1\n\nget_weather(city="Paris")\n```',
    "Mistral writes `[TOOL_CALLS][{...}]` first.",
    'Use "<tool_call>" for it.',
    'Qwen-coder writes "<function=name>" tags.',
    'A call would look like:\n\n{"name": "get_weather", "arguments": {"city": "<city>"}}\n\nwith your city in it.',
    "To call it, use the syntax\n\n<function=function_name>\n<parameter=key>\nvalue\n</parameter>\n</function>\n\nwhere key is the parameter.",
    "[1, 2, 3]",
    "[]",
    "[link](http://x.y)",
    "See [get_weather](docs) for it.",
    "Go to=functions",
    "commentary on the game",
    "We speak of to=functions.get_weather in harmony.",
    '```json\n{"name": "create_user", "arguments": {"id": 1}}\n```\nThis is what an RPC request looks like; the server answers with an id.',
    'Here is the schema:\n```json\n{"name": "get_weather", "description": "x", "parameters": {"type": "object"}}\n```',
    'An example of a call:\n```json\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n```',
    '{"answer": {"name": "get_weather"}}',
    "The regex is [a-z]+(x=1).",
    "I used get_weather and the result is 5 degrees.",
    "In harmony a call is written `<|channel|>commentary to=functions.get_weather<|message|>{}<|call|>`; the server reads it.",
    "Gemma uses a fence called tool_code, as in ```tool_code for its calls.",
    'Llama 3 writes [get_weather(city="Paris")] when it calls the tool, and waits for its result.',
    'The function get_weather takes a city:\n\n{"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}',
    '调用工具的格式如下：\n```json\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n```\n其中 name 是工具名。',
    'I called get_weather: {"name": "get_weather", "arguments": {"city": "Paris"}} and the result is 5.',
    'Zum Beispiel:\n```json\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n```',
    '<think>I could write <tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}</tool_call></think>It is sunny.',
    'To call it you write <tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}</tool_call> in the answer, like this.',
    "Hermes models write <tool_call> and </tool_call> around the JSON.",
    'So sieht ein Aufruf aus:\n```json\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n```',
    'Voici à quoi ressemble un appel :\n```json\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n```',
    'Вот как выглядит вызов:\n```json\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n```',
    '次のような形です:\n```json\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n```',
    'The call is written like this:\n\nget_weather(city="Paris")',
    "<think>I could write <tool_call> here, but I",
]
