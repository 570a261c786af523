"""What a passed answer is vouched for by: the strongest of composed checks that passed."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from lc_asym_router import Attempt, Verdict
from lc_asym_router.errors import CheckError
from lc_asym_router.records.request import Request
from lc_asym_router.verify import Check, Joint, LearnedVerifier, NotEmpty, as_check
from tests.conftest import record

ATTEMPT = Attempt("small", "m", AIMessage("42"), Request((HumanMessage("6 * 7?"),)))


class Mine(Check):
    """A user's."""

    def check(self, attempt):
        return Verdict(True)


def own(attempt):
    return True


def never(attempt):
    return Verdict(False, vouched="vote")


@pytest.mark.parametrize(
    ("check", "vouched"),
    [
        (NotEmpty(), "form"),
        (NotEmpty() & Mine(), "own"),
        (Mine() & NotEmpty(), "own"),
        (NotEmpty() | Mine(), "form"),  # the second was not asked
        (as_check(never) | NotEmpty(), "form"),
        (as_check(never), "none"),
        (NotEmpty() & never, "none"),
        (NotEmpty() & LearnedVerifier(threshold=0), "learned"),
        (Joint(own, NotEmpty()), "own"),
        (Joint(NotEmpty(), own), "own"),
        (Joint(NotEmpty(), never), "none"),
    ],
)
async def test_the_strongest_that_passed(check, vouched):
    assert check(ATTEMPT).vouched == vouched
    assert (await check.acall(ATTEMPT)).vouched == vouched


@pytest.mark.parametrize("word", ["verified", "checked", 3])
async def test_there_is_no_other_word(make, ask, word):
    """Whatever a record says there is counted in ledgers and reports: one of a few words."""

    def boasting(attempt):
        return Verdict(True, vouched=word)

    with pytest.raises(CheckError, match="which is none of"):
        await ask(make(verify=boasting), "hi")
    assert record(await ask(make(verify=own), "hi"))["vouched"] == "own"
