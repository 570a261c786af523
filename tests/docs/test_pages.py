"""README and the docs: every Python block runs, page by page, and what the pages name is there."""

from __future__ import annotations

import argparse
import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI
from langsmith.utils import get_env_var
from starlette.testclient import TestClient

from lc_asym_router import AsymRouter
from lc_asym_router.gateway import gateway_app
from lc_asym_router.gateway.config import GatewayConfig
from lc_asym_router.router.router import _SETTINGS
from lc_asym_router.shell import ask, command_parser, options
from tests.gateway.serving import Served
from tests.router.test_from_env import nothing  # noqa: F401
from tests.servers.langsmith import LangSmithServer

ROOT = Path(__file__).parent.parent.parent
README = ROOT / "README.md"
PAGES = {str(page.relative_to(ROOT)): page for page in (README, *sorted(ROOT.glob("docs/**/*.md")))}
LANGUAGES = ("python", "console", "text", "promql", "toml")
"""What a block may say it is: another name, or none, could hide Python from the test."""
NOT_RUN = 1
"""Python blocks that are marked `<!-- not run: REASON -->`: each one more is decided here."""
README_CHARACTERS = 9_000
SCREEN = 25
"""Lines of the README that one screen shows."""
GATEWAY_CLIENTS = "docs/guides/gateway_clients.md"
AUDITS = "docs/guides/audits.md"
SAID = {
    "README.md": ("small False", "Agreement", "The tool says: It rains in Bonn."),
    "docs/guides/tools-and-agents.md": ("'name': 'weather'", "The tool says: It rains in Bonn."),
    "docs/guides/structured-output.md": ("country=",),
    "docs/guides/faults.md": ("False closed",),
    "docs/guides/cache.md": ("True 0", "True"),
    "docs/start/choices.md": ("Agreement",),
    GATEWAY_CLIENTS: ("? small", "tokens or so"),
    AUDITS: ("FeedbackCounts(stored=0",),
}
"""What a page's blocks print, among other things, where the servers answer as a good model would."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, its code, its first line, why it is not run."""

    language: str
    code: str
    line: int
    not_run: str


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    fenced = r"^( *)(`{3,}|~{3,})([^\n`]*)\n(.*?)^\1\2 *$"
    found = []
    for block in re.finditer(fenced, text, re.MULTILINE | re.DOTALL):
        before = text[: block.start()].rstrip("\n").rpartition("\n")[2]
        marked = re.fullmatch(r" *<!-- not run: (.+) -->", before)
        line = text.count("\n", 0, block.start(4)) + 1
        reason = marked[1] if marked else ""
        found.append(Block(block[3].strip(), dedent(block[4]), line, reason))
    return found


def python(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.language == "python"]


def is_python(code: str) -> bool:
    """Whether a text is Python that imports something."""
    try:
        return any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.parse(code).body)
    except SyntaxError:
        return False


def prose(page: Path) -> str:
    """A page without its blocks."""
    return re.sub(r"^ *```.*?^ *```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def run(page: Path) -> dict[str, Any]:
    """Run a page's blocks in one namespace, top to bottom; a traceback shows the page's own lines."""
    namespace: dict[str, Any] = {"__name__": page.stem}
    for block in python(page):
        if not block.not_run:
            code = "\n" * (block.line - 1) + block.code
            exec(compile(code, str(page), "exec", dont_inherit=True), namespace)
    return namespace


@pytest.fixture
def gateway(models, request, monkeypatch) -> Iterator[None]:
    """Before those models a gateway, for the page that asks one."""
    if request.getfixturevalue("name") != GATEWAY_CLIENTS:
        yield
        return
    with Served(gateway_app(AsymRouter.from_env(verify="form", classify=None))) as served:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{served.url}/v1")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", served.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "any")
        yield


@pytest.fixture
def langsmith(request, monkeypatch) -> Iterator[None]:
    """For the page that asks LangSmith, a server that speaks its endpoints."""
    if request.getfixturevalue("name") != AUDITS:
        yield
        return
    server = LangSmithServer()
    monkeypatch.setenv("LANGSMITH_ENDPOINT", server.url)
    monkeypatch.setenv("LANGSMITH_API_KEY", "any")
    get_env_var.cache_clear()
    yield
    server.close()
    get_env_var.cache_clear()


@pytest.mark.parametrize("name", [name for name, page in PAGES.items() if python(page)])
@pytest.mark.usefixtures("gateway", "langsmith")
def test_every_block_runs(name, models, capsys):
    run(PAGES[name])
    out = capsys.readouterr().out
    for said in SAID.get(name, ()):
        assert said in out


@pytest.mark.parametrize("name", [n for n, p in PAGES.items() if "```toml" in p.read_text("utf-8")])
def test_every_file_of_a_gateway_is_served(name, models):
    for block in blocks(PAGES[name]):
        if block.language == "toml":
            assert TestClient(GatewayConfig.from_toml(block.code).app()).get("/health").json()


def test_the_first_chain_make_ask_and_a_plain_router_are_one(models):
    """They differ in their models alone: the same settings, the same checks, the same decision."""
    namespace: dict[str, Any] = {"__name__": "README"}
    exec(python(README)[0].code, namespace)
    parser = argparse.ArgumentParser()
    ask.add_to(parser.add_subparsers())
    routers = [
        namespace["router"],
        options.build(parser.parse_args(["ask", "hi"])),
        AsymRouter.from_env(),
        AsymRouter(small=ChatOllama(model="llama3.1:8b"), frontier=ChatOpenAI(model="gpt-4o")),
    ]
    settings = sorted(_SETTINGS - {"small", "frontier"})
    given = [[getattr(router, name) for name in settings] for router in routers]
    assert all(each == given[0] for each in given)
    assert given[0] == [AsymRouter.model_fields[name].default for name in settings]
    asked = "How many are 6 times 7?"
    for router in routers:
        assert [tier.name for tier in router.ladder] == ["small", "frontier"]
        assert router.policy.check_on(router.ladder[0]).name == routers[0].policy.check.name
        assert router.decide(asked) == routers[0].decide(asked)
    assert "Agreement" in routers[0].policy.check.name


def test_the_web_handler_answers(models):
    app = run(ROOT / "docs/guides/streaming.md")["app"]
    said = TestClient(app).post("/answer", content="Say hello")
    assert said.status_code == 200
    assert said.text


def test_no_block_is_left_out_in_silence():
    marked = [block for page in PAGES.values() for block in blocks(page) if block.not_run]
    assert len(marked) == NOT_RUN
    for name, page in PAGES.items():
        text = page.read_text(encoding="utf-8")
        assert {block.language for block in blocks(page)} <= set(LANGUAGES), name
        texts = [block.code for block in blocks(page) if block.language == "text"]
        assert not any(is_python(text) for text in texts), f"{name}: Python that says it is text"
        fences = re.findall(r"^[^\w\n`~]*(?:`{3}|~{3})", text, re.MULTILINE)
        assert len(fences) == 2 * len(blocks(page)), f"{name}: a fence that the test does not read"
        assert len(re.findall(r"^ *<!-- *not run", text, re.MULTILINE)) == sum(
            bool(block.not_run) for block in blocks(page)
        ), f"{name}: a mark that stands above no block, or gives no reason"
    assert SAID.keys() <= {name for name, page in PAGES.items() if python(page)}


def test_the_readme_is_the_first_pages_only():
    text = README.read_text(encoding="utf-8")
    assert len(text) <= README_CHARACTERS
    screen = "\n".join(text.splitlines()[:SCREEN])
    for each in ("## Install", "$ make ask PROMPT=", "$ make test", "$ pip install"):
        assert each in screen
    section = next(part for part in text.split("\n## ") if "![" in part)
    assert re.findall(r"!\[[^]]+\]\(([^)]+)\)", text) == ["docs/cost_quality.png"]
    assert "`make bench-routing" in section
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        assert (ROOT / link).is_file(), link


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_names_is_there(name):
    page = PAGES[name]
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = [block.code for block in blocks(page) if block.language == "console"]
    text = "\n".join([prose(page), *commands])
    named = re.findall(r"(?:`|^\$ |`[A-Z_]+=\w+ )make ([a-z][\w-]*)", text, re.MULTILINE)
    assert set(named) <= targets
    for path in re.findall(r"`((?:lc_asym_router|tests|notebooks|docs)/[\w./*-]+)`", prose(page)):
        assert list(ROOT.glob(path)), path


def is_taken(parser: argparse.ArgumentParser, words: list[str]) -> bool:
    """Whether the command line takes these words, or prints the help that they ask for."""
    try:
        parser.parse_args(words)
    except SystemExit as stopped:
        return stopped.code == 0
    return True


def test_every_command_of_a_page_is_one():
    """The command line takes each `lc-asym-router ...` of a console block; "a | b" are two commands."""
    parser = command_parser()
    for name, page in PAGES.items():
        code = "\n".join(block.code for block in blocks(page) if block.language == "console")
        for line in code.replace("\\\n", " ").splitlines():
            found = re.match(r"\$ (?:.* exec gateway )?lc-asym-router (.*)", line)
            words = shlex.split(found[1], comments=True) if found else []
            tried = [words] if words else []
            if "|" in words:
                place = words[: words.index("|") - 1]
                tried = [[*place, word, "--help"] for word in words[len(place) :] if word != "|"]
            for each in tried:
                assert is_taken(parser, each), f"{name}: {line}"
    assert not is_taken(parser, ["ask", "--nonsense"])


def test_no_page_calls_an_answer_verified():
    """Form and sums are not proof, so no page uses the word of an answer."""
    for name, page in PAGES.items():
        assert not re.search(r"\bverified\b", page.read_text("utf-8"), re.IGNORECASE), name
