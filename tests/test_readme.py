"""The README's Python runs, block by block, against the scripted servers and the real 135M model."""

from __future__ import annotations

import re
from pathlib import Path

from tests.servers import OllamaServer, OpenAIServer
from tests.test_env import nothing  # noqa: F401

README = Path(__file__).parent.parent / "README.md"


def test_every_block_runs(nothing, small: OllamaServer, frontier: OpenAIServer, capsys):  # noqa: F811
    nothing.setenv("OLLAMA_HOST", small.url)
    nothing.setenv("OPENAI_API_KEY", "sk-not-a-key")
    nothing.setenv("OPENAI_BASE_URL", frontier.base_url)
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 6
    namespace: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), namespace)
    assert "a small answer" in capsys.readouterr().out
