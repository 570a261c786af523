"""A request in another representation, and how a reply to it is read back."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.tools import tool

from lc_asym_router import Agreement, ConfigurationError, default_checks
from lc_asym_router.records.bindings import ToolBinding
from lc_asym_router.records.request import Request
from lc_asym_router.verify.recast import recasts
from tests.conftest import record


def request(text):
    return Request(messages=(SystemMessage("Be brief."), HumanMessage(text)))


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Tom has 5 apples, eats 2 and buys 6. How many has he?", "program"),
        ("Yesterday was April 30, 2021. What is the date tomorrow?", "program"),
        ("Is 91 a prime number? Answer yes or no.", "program"),
        ("Is the earth flat?", "turned"),
        ("Which planet is nearest to the sun?\nA) Venus\nB) Mercury\nC) Mars", "order"),
        ("Classify the mail as billing, refund or other: Where is my money?", "order"),
        ("Extract the fields name, street, city: Ann, 5 Elm St, Bath", "order"),
        ("What is the capital of France?", "sentence"),
        ("What does print(len('abc')) print?\nassert f(2) == ??", "steps"),
    ],
)
def test_the_representation_goes_by_the_kind_of_request(question, kind):
    assert recasts(request(question))[0].kind == kind


@tool
def weather(city: str) -> str:
    """The weather."""
    return city


def test_with_tools_bound_it_is_sampled_as_it_is():
    bound = Request(
        messages=(HumanMessage("How many days until May 5?"),), tools=ToolBinding((weather,))
    )
    assert [each.kind for each in recasts(bound)] == ["same"]


def test_the_rest_of_the_conversation_stays():
    asked = request("What is 2 + 2, what is the total?")
    changed = recasts(asked)[0].messages
    assert changed[0] == asked.messages[0]
    assert changed[1].text.startswith(asked.messages[1].text)
    parts = Request(
        messages=(HumanMessage([{"type": "text", "text": "What is the total of 2, 3?"}]),)
    )
    content = recasts(parts)[0].messages[0].content
    assert content[0]["type"] == "text"
    assert "ans" in content[0]["text"]


def test_options_in_another_order_are_read_back():
    question = "Which is nearest to the sun?\nA) Venus\nB) Mercury\nC) Mars"
    turned = recasts(request(question))[0]
    assert turned.messages[1].text == "Which is nearest to the sun?\nA) Mars\nB) Mercury\nC) Venus"
    assert turned.read(AIMessage("Answer: A")).value == "C"
    assert turned.read(AIMessage("B")).value == "B"
    assert turned.read(AIMessage("Mercury")).value == "mercury"


def test_labels_in_another_order():
    turned = recasts(request("Label it as spam, ham, or other: Hello"))[0]
    assert turned.messages[1].text == "Label it as other, ham, or spam: Hello"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            [
                HumanMessage(
                    "Classify it.\nLabels:\n- billing\n- a refund\n- other\n\nMail: charged"
                )
            ],
            ["Classify it.\nLabels:\n- other\n- a refund\n- billing\n\nMail: charged"],
        ),
        (
            [SystemMessage("Answer with one of: a1, b2, c3."), HumanMessage("my card was charged")],
            ["Answer with one of: c3, b2, a1.", "my card was charged"],
        ),
        (
            [
                SystemMessage("Pick the category:\n* billing\n* other"),
                HumanMessage("5 of 7 failed"),
            ],
            ["Pick the category:\n* other\n* billing", "5 of 7 failed"],
        ),
        ([HumanMessage("Is this spam or ham? 'You won'")], ["Is this ham or spam? 'You won'"]),
        (
            [HumanMessage("Klassifiziere: positiv, negativ oder neutral? Gut!")],
            ["Klassifiziere: neutral, negativ oder positiv? Gut!"],
        ),
    ],
)
def test_what_is_to_be_chosen_from_wherever_it_stands(before, after):
    first = recasts(Request(tuple(before)))[0]
    assert first.kind == "order"
    assert [message.content for message in first.messages] == after


def test_numbered_labels_keep_their_order():
    """A reply may give the number, which would be another label's then."""
    asked = HumanMessage("Classify it.\n1. billing\n2. refund\n3. other\n\nMail: charged")
    assert recasts(Request((asked,)))[0].kind != "order"


@pytest.mark.parametrize(("agree", "passed"), [("any", True), ("all", False), (None, False)])
def test_how_many_must_agree(make, small, agree, passed):
    small.script("42", "Answer: 42", "Answer: 41")
    router = make(verify=Agreement(2, agree=agree, vary=None))
    assert (router.invoke("Name the answer.").text == "42") is passed


@pytest.mark.parametrize(
    ("reply", "read"),
    [("Answer: yes", "no"), ("The claim is wrong.\nAnswer: yes", "no"), ("Answer: no", "yes")],
)
def test_a_question_turned_round_is_read_back(reply, read):
    assert recasts(request("Is the earth flat?"))[0].read(AIMessage(reply)).value == read


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        ("```python\nans = 5 - 2 + 6\n```", "9"),
        ("It is 9.", "9"),
        ("```python\nimport os\nans = os.cpu_count()\n```", None),
        ("```python\nimport os\nans = os.cpu_count()\n```\nAnswer: 9", "9"),
    ],
)
def test_a_program_is_read_for_what_it_comes_to(reply, value):
    program = recasts(request("Tom has 5 apples, eats 2 and buys 6. How many has he?"))[0]
    read = program.read(AIMessage(reply))
    assert (read and read.value) == value


async def test_one_varied_sample_must_agree(make, ask, small):
    rule = default_checks() & Agreement(samples=1, vary="auto")
    small.script("He has 9.", "apples = 5 - 2\nans = apples + 6")
    answer = await ask(
        make(classify=lambda _: 0.0, verify=rule), "Tom has 5 apples, eats 2, buys 6. How many?"
    )
    assert answer.text == "He has 9."
    assert record(answer)["vouched"] == "sample"
    assert "variable ans" in small.requests[1].body["messages"][-1]["content"]


async def test_a_sample_that_cant_be_read_gives_way_to_another_one(make, ask, small):
    small.script("He has 9.", "import os\nans = os.cpu_count()", "1. 5 - 2 + 6 is 9.\nAnswer: 9")
    answer = await ask(
        make(classify=lambda _: 0.0, verify=Agreement()),
        "Tom has 5 apples, eats 2, buys 6. How many?",
    )
    assert answer.text == "He has 9."
    assert len(small.requests) == 3
    assert "numbered steps" in small.requests[2].body["messages"][-1]["content"]
    assert "1 could not be read" in record(answer)["attempts"][0]["reason"]


async def test_never_executed(make, ask, small, tmp_path):
    mark = tmp_path / "mark"
    small.script("3", f"ans = open({str(mark)!r}, 'w').write('x')", "Answer: 4")
    await ask(make(classify=lambda _: 0.0, verify=Agreement()), "How many are 1 + 2?")
    assert not mark.exists()


async def test_vary_none_asks_the_same_again(make, ask, small):
    small.script("9", "9")
    await ask(
        make(classify=lambda _: 0.0, verify=Agreement(samples=1, vary=None)), "How many are 5 + 4?"
    )
    first, second = (each.body["messages"] for each in small.requests)
    assert first == second


async def test_long_texts_may_pass_unasked(make, ask, small):
    letter = "Dear Ann, " + "thank you for the kind words that you sent to all of us. " * 3
    small.script(letter)
    rule = default_checks() & Agreement(samples=1, texts="pass")
    answer = await ask(make(classify=lambda _: 0.0, verify=rule), "Write a letter of thanks to Ann")
    assert len(small.requests) == 1
    assert record(answer)["vouched"] == "form"


@pytest.mark.parametrize("settings", [{"vary": "often"}, {"texts": "some"}])
def test_settings_that_make_no_sense(settings):
    with pytest.raises(ConfigurationError, match="Agreement"):
        Agreement(**settings)
