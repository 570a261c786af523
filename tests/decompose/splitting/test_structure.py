"""What the structural planner splits, and what it leaves whole."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lc_asym_router.decompose import StructuralPlanner
from lc_asym_router.decompose.splitting.tokens import masked

split = StructuralPlanner()

SPLIT = {
    "numbered": (
        "1. What is the capital of France?\n2. What is 17 times 23?\n3. Analyze binary search.",
        ["What is the capital of France?", "What is 17 times 23?", "Analyze binary search."],
    ),
    "numbered with brackets": (
        "Questions:\n(1) Who wrote Faust?\n(2) Who wrote Emma?",
        ["Who wrote Faust?", "Who wrote Emma?"],
    ),
    "bullets, announced, with a remark on style": (
        "Answer these questions:\n- What is 2+2?\n- Who wrote Faust?\n\nAnswer briefly.",
        ["What is 2+2?\n\nAnswer briefly.", "Who wrote Faust?\n\nAnswer briefly."],
    ),
    "items of several lines, lists inside them": (
        "Solve the following problems.\n\n1. Tom has 3 apples.\nHe eats one. How many are left?\n\n"
        "2. Which is a fruit?\n   1. apple\n   2. brick\n",
        [
            "Tom has 3 apples.\nHe eats one. How many are left?",
            "Which is a fruit?\n   1. apple\n   2. brick",
        ],
    ),
    "announced questions with paragraphs": (
        "Answer the following questions.\n\n1. Given a function.\n\ndef f(): ...\n\n2. Another one. "
        "\n\ndef g(): ...",
        ["Given a function.\n\ndef f(): ...", "Another one. \n\ndef g(): ..."],
    ),
    "code in an item": (
        "Please help me with these:\n1. Write a haiku about rain.\n"
        "2. Explain this:\n```python\n3. not an item?\n\n4. nor this?\n```\n3. What is 3*4?",
        [
            "Write a haiku about rain.",
            "Explain this:\n```python\n3. not an item?\n\n4. nor this?\n```",
            "What is 3*4?",
        ],
    ),
    "several questions": (
        "What is the capital of France? What is 17 times 23? Who wrote Faust?",
        ["What is the capital of France?", "What is 17 times 23?", "Who wrote Faust?"],
    ),
    "questions after a context": (
        "A train leaves at 8. The next one leaves at 9. When does the first train leave? When does "
        "the second train leave? Answer in one word.",
        [
            "A train leaves at 8. The next one leaves at 9.\nWhen does the first train leave?\n"
            "Answer in one word.",
            "A train leaves at 8. The next one leaves at 9.\nWhen does the second train leave?\n"
            "Answer in one word.",
        ],
    ),
    "a quote with a question in it": (
        "Translate 'good morning. How are you?' into Spanish. What is the capital of France?",
        ["Translate 'good morning. How are you?' into Spanish.", "What is the capital of France?"],
    ),
    "the same for each": (
        "Translate each of these words into German:\n- cat\n- dog",
        [
            "Translate each of these words into German:\n\ncat",
            "Translate each of these words into German:\n\ndog",
        ],
    ),
    "a table": (
        "Classify each row of the table:\n\n| name | text |\n| --- | --- |\n| a | good |\n| b | bad |",
        [
            "Classify each row of the table:\n\n| name | text |\n| --- | --- |\n| a | good |",
            "Classify each row of the table:\n\n| name | text |\n| --- | --- |\n| b | bad |",
        ],
    ),
}

LINKED = {
    "then": (
        "Translate 'hello, then goodbye' into French, then count its letters.",
        ["Translate 'hello, then goodbye' into French", "Count its letters."],
        [(), ("1",)],
    ),
    "first, then, finally": (
        "First, translate 'cat' into German. Then translate the result into Latin. Finally, list "
        "its letters.",
        ["Translate 'cat' into German", "Translate the result into Latin", "List its letters."],
        [(), ("1",), ("2",)],
    ),
    "an item that names others": (
        "1. Name a river.\n2. Name a town.\n3. Compare the answers to 1 and 2.\n4. Summarize it.\n"
        "5. What is the sum of 1 and 2?",
        None,
        [(), (), ("1", "2"), ("3",), ()],
    ),
}

WHOLE = [
    "",
    "Hello! How are you?",
    "What is the capital of France?",
    "Can you help me? What is the capital of France?",
    "1. What is 2+2?",
    "What is the capital of France? How many people live there?",
    "Why is the sky blue? Why?",
    "Explain recursion. Give an example. Is it hard?",
    "Write a poem about the sea. Make it short. Use rhymes.",
    "Write a program to read a file, then sort the lines.",
    "If it rains then take an umbrella, and then go home.",
    "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. "
    "How many clips did Natalia sell altogether in April and May?",
    "Sort the following numbers:\n- 3\n- 1\n- 2",
    "Which of these is a mammal?\n1. Is it the shark?\n2. Is it the whale?",
    "Which is true?\nA. 1\nB. 2\nC. 3",
    "Rank each of these:\n- gold\n- tin",
    "Here is my plan:\n1. Write the code\n2. Test it",
    "Translate these questions into French:\n1. What is your name?\n2. Where do you live?",
    "Answer these questions as a JSON list:\n1. What is 2+2?\n2. What is 3+3?",
    "1. What is 2+2?\n2. What is 3+3?\n\nWhich answer is larger?",
    "Fix this code:\n```python\n# 1. What is this?\n# 2. What is that?\nx = 1\n```",
    "Fix this code:\n```python\n1. What is this?\n2. What is that?\n",
    'Summarize: "What is life? What is death? Who knows?"',
    "Who said “What is life? What is death?” first?",
    "> What is life?\n> What is death?\n\nWho said so?",
    "Run `what? is? this?` for me. Did it work?",
    "Proofread this:\nWhat is life? Nobody knows. Who are we?",
    "Summarize the article.\n\nWhat is life? Nobody knows. Who are we? Nobody.",
    "Sum this table:\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |",
    "Buy milk, then bread.",
    # what refers back can't be told in other languages: "Wann wurde er geboren?"
    "Wie heißt die Hauptstadt von Peru? Wer schrieb den Faust?",
]


@pytest.mark.parametrize("name", SPLIT)
def test_splits(name: str) -> None:
    text, parts = SPLIT[name]
    plan = split(text)
    assert plan is not None
    assert [step.instruction for step in plan.steps] == parts
    assert plan.independent


@pytest.mark.parametrize("name", LINKED)
def test_splits_with_needs(name: str) -> None:
    text, parts, needs = LINKED[name]
    plan = split(text)
    assert plan is not None
    if parts:
        assert [step.instruction for step in plan.steps] == parts
    assert [step.needs for step in plan.steps] == needs


@pytest.mark.parametrize("text", WHOLE)
def test_leaves_whole(text: str) -> None:
    assert split(text) is None


@given(st.text(alphabet="aA1.?!-*|`'\"> \n#:,()then", max_size=200))
@settings(max_examples=400, deadline=None)
def test_any_text_is_split_or_not_but_breaks_nothing(text: str) -> None:
    assert len(masked(text)) == len(text)
    plan = split(text)
    if plan is not None:
        assert len(plan) > 1
        assert all(step.instruction.strip() for step in plan.steps)


@given(
    st.lists(st.sampled_from(["2+2", "17 times 23", "3 minus 1", "the sum of 4 and 5"]), min_size=2)
)
@settings(max_examples=50, deadline=None)
def test_questions_hidden_in_code_or_quotes_split_nothing(sums: list[str]) -> None:
    hidden = " ".join(f"What is {each}?" for each in sums)
    lines = "\n".join(f"{number}. What is {each}?" for number, each in enumerate(sums, 1))
    for text in (
        f'Who said "{hidden}" first?',
        f"What does this print?\n```\n{lines}\n```",
        f"What does `{hidden}` mean?",
    ):
        assert split(text) is None


@given(
    st.lists(st.sampled_from(["What is 2+2?", "Who wrote Faust?", "Define entropy."]), min_size=2),
    st.sampled_from(["{}. ", "{}) ", "({}) ", "- ", "* ", "• "]),
)
@settings(max_examples=50, deadline=None)
def test_a_list_of_tasks_has_a_step_for_each_in_order(tasks: list[str], mark: str) -> None:
    text = "\n".join(mark.format(number) + task for number, task in enumerate(tasks, 1))
    plan = split(text)
    assert plan is not None
    assert [step.instruction for step in plan.steps] == tasks
