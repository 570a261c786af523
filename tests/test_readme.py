"""The README's Python runs, block by block, against the scripted servers and the real 135M model."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.testclient import TestClient

from tests.answering import answer
from tests.servers import OllamaServer, OpenAIServer
from tests.test_env import nothing  # noqa: F401

README = Path(__file__).parent.parent / "README.md"
SCREENS = 50
"""Lines of the README that two screens show."""


def test_every_block_runs(nothing, capsys, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    with OllamaServer(default=answer) as small, OpenAIServer(default=answer) as frontier:
        nothing.setenv("OLLAMA_HOST", small.url)
        nothing.setenv("OPENAI_API_KEY", "sk-not-a-key")
        nothing.setenv("OPENAI_BASE_URL", frontier.base_url)
        text = README.read_text(encoding="utf-8")
        blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        assert len(blocks) >= 12
        namespace: dict[str, object] = {}
        for block in blocks:
            exec(compile(block, "README.md", "exec"), namespace)
        said = TestClient(namespace["app"]).post("/answer", content="Say hello")
    assert said.status_code == 200
    assert said.text
    out = capsys.readouterr().out
    assert "'name': 'weather'" in out
    assert "country=" in out


def test_three_pictures_on_the_first_two_screens_each_with_its_command():
    text = README.read_text(encoding="utf-8")
    head = "\n".join(text.splitlines()[:SCREENS])
    shown = re.findall(r"!\[[^]]+\]\((docs/[\w.]+)\)", head)
    assert shown == ["docs/graph.svg", "docs/timeline.svg", "docs/cost_quality.png"]
    targets = re.findall(r"^([\w-]+):", (README.parent / "Makefile").read_text(), re.MULTILINE)
    for target in ("pictures", "bench-routing"):
        assert f"`make {target}" in head
        assert target in targets
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", text):
        assert (README.parent / picture).is_file(), picture
