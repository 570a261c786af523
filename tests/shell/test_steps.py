"""What `ask` prints while a request runs."""

from __future__ import annotations

from lc_asym_router.shell.steps import StepScreen


def test_a_step_that_ends_while_the_answer_comes_does_not_break_its_line(capsys):
    screen = StepScreen({})
    screen.log("classify: small")
    screen.text("a ")
    screen.log("small: answered")
    screen.text("small answer")
    assert capsys.readouterr() == ("a small answer", "classify: small\n")
    screen.over(True)
    screen.log("said later")
    assert capsys.readouterr() == ("\n", "small: answered\nsaid later\n")
