"""`ask` on a terminal: what is being tried is said while it is tried, and taken away again."""

from __future__ import annotations

import io
import sys

from lc_asym_router.shell import main
from lc_asym_router.shell import steps as module
from lc_asym_router.shell.steps import StepScreen
from tests.servers import Reply


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal(monkeypatch) -> Terminal:
    """Make standard error a terminal, of a kind that rich draws on."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return screen


def test_the_plain_terminal_says_a_line_a_step(served, monkeypatch, capsys, small):
    monkeypatch.setattr(module, "installed", lambda name: False)
    small.script(Reply(""))
    screen = terminal(monkeypatch)
    assert main(["ask", "hi"]) == 0
    lines = screen.getvalue().splitlines()
    steps = [line for line in lines if line.endswith(" ...")]
    assert steps == [
        "classify ...",
        "small: small-model ...",
        "verify ...",
        "frontier: frontier-model ...",
    ]
    assert lines.index("verify ...") < next(
        place for place, line in enumerate(lines) if line.startswith("attempt 1: ")
    )
    assert capsys.readouterr().out == "a frontier answer\n"


def test_with_rich_it_is_one_line_that_goes_away(served, monkeypatch, capsys, small):
    small.script(Reply("[red]well[/red]"))
    screen = terminal(monkeypatch)
    assert main(["ask", "--no-verify", "hi"]) == 0
    shown = screen.getvalue()
    assert "attempt 1: small (small-model) answered" in shown
    assert "\x1b[?25h" in shown  # the cursor is there again
    # The answer goes to standard output alone, as the model wrote it.
    assert capsys.readouterr().out == "[red]well[/red]\n"
    assert "well" not in shown


def test_no_terminal_no_colours(served, capsys):
    assert main(["ask", "hi"]) == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert " ..." not in err


def test_an_escape_that_is_cut_between_chunks_reaches_no_terminal(served, capsys, small):
    small.script(Reply(chunks=["safe \x1b", "]0;title\x07", " text"]))
    assert main(["ask", "--no-verify", "hi"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert out.startswith("safe ")


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
