"""Clients in processes of their own: OpenAI's and Vercel's for Node, LiteLLM, and the `llm` command.

`make test-all` sets them up under `.venv/clients`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.loop import ADA, BLUE, CALLS, HARD
from tests.gateway.serving import Served
from tests.servers import Reply, ToolCall

pytestmark = pytest.mark.full

CLIENTS = Path(os.environ.get("LC_ASYM_ROUTER_CLIENTS") or Path(sys.prefix) / "clients")
HERE = Path(__file__).parent
PERSON = {"name": "Ada", "age": 36}


def reply(body: dict[str, Any]) -> Reply:
    """What either tier answers, by what it is asked."""
    last = body["messages"][-1]
    if last["role"] == "tool":
        return BLUE if last["content"] == "blue" else Reply(f"What is {last['content']}?")
    if body.get("tools"):
        name = body["tools"][0]["function"]["name"]
        return CALLS if name == "look" else Reply(tool_calls=[ToolCall(name, PERSON)])
    if body.get("format") or body.get("response_format"):
        return Reply(ADA)
    if "BREAK" in str(last["content"]):
        return Reply("one two three", error="out of memory")
    return Reply("an answer", input_tokens=10, output_tokens=5)


@pytest.fixture(autouse=True)
def scripted(small, frontier, monkeypatch) -> None:
    monkeypatch.setattr(small, "default", reply)
    monkeypatch.setattr(frontier, "default", reply)


def run(*command: str | Path, **more: Any) -> str:
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=300, check=False, **more
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def last_line(output: str) -> Any:
    return json.loads(output.strip().splitlines()[-1])


def check_loops(frontier, count: int) -> None:
    """So many tool loops, each of two turns on the frontier, with its own id of the call."""
    bodies = [each.body for each in frontier.requests if each.body.get("tools")]
    assert len(bodies) == 2 * count
    for first, second in zip(bodies[::2], bodies[1::2], strict=True):
        assert HARD in str(first["messages"][-1]["content"])
        assert second["messages"][-1]["tool_call_id"] == "call_sky"
        assert second["messages"][-2]["tool_calls"][0]["id"] == "call_sky"


def node(script: str, gateway: Served, folder: Path) -> dict[str, Any]:
    program = shutil.which("node")
    assert program, "no node here: install Debian's npm, as .ci/browser does"
    (folder / "node_modules").symlink_to(CLIENTS / "node_modules")
    shutil.copy(HERE / "node" / script, folder)  # Node looks for packages beside the script
    return dict(last_line(run(program, folder / script, gateway.url)))


def test_openai_for_node(gateway, frontier, tmp_path):
    made = node("openai.mjs", gateway, tmp_path)
    for each in made.values():
        assert (each["text"], each["streamed"]) == ("an answer", "an answer")
        assert each["loop"] == "The sky is blue."
        assert PERSON.items() <= each["object"].items()
        assert each["refused"]["status"] == 400
        assert "No tier could answer" in each["broken"]["message"]
    assert made["chat"]["refused"]["param"] == "n"
    assert made["responses"]["refused"]["param"] == "previous_response_id"
    check_loops(frontier, 2)


def test_vercel_ai_sdk(gateway, frontier, tmp_path):
    made = node("ai.mjs", gateway, tmp_path)
    for each in made.values():
        assert (each["text"], each["streamed"]) == ("an answer", "an answer")
        assert each["usage"] == each["streamedUsage"] == [10, 5]
        assert (each["loop"], each["looped"], each["steps"]) == (*["The sky is blue."] * 2, 2)
        assert PERSON.items() <= each["object"].items()
        assert (each["refused"]["status"], "gpt-9" in each["refused"]["message"]) == (404, True)
        assert "No tier could answer" in each["broken"]["message"]
    check_loops(frontier, 4)


def test_litellm(gateway, frontier):
    program = CLIENTS / "bin" / "python"
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # fetched otherwise
    made = last_line(run(program, HERE / "outside_client.py", gateway.url, env=environment))
    for name in ("openai", "anthropic"):
        each = made[name]
        assert (each["text"], each["streamed"]) == ("an answer", "an answer")
        assert each["usage"] == [10, 5]
        assert each["loop"] == "The sky is blue."
        assert PERSON.items() <= each["object"].items()
        assert each["refused"]["status"] == 404
        assert "No tier could answer" in each["broken"]["message"]
    assert made["responses"]["text"] == made["responses"]["streamed"] == "an answer"
    assert made["responses"]["refused"]["status"] == 400
    check_loops(frontier, 2)


@pytest.mark.parametrize("responses", [False, True])
def test_llm_command(gateway, frontier, tmp_path, responses):
    known = {"model_name": "auto", "api_base": f"{gateway.url}/v1", "responses": responses}
    able = {"supports_tools": True, "supports_schema": True}
    models = [
        {"model_id": "gateway", **known, **able},
        {"model_id": "nobody", **known, "model_name": "gpt-9"},
    ]
    # JSON is YAML.
    (tmp_path / "extra-openai-models.yaml").write_text(json.dumps(models), "utf-8")
    environment = {**os.environ, "LLM_USER_PATH": str(tmp_path)}
    program = CLIENTS / "bin" / "llm"

    def llm(*arguments: str) -> str:
        return run(program, "-m", "gateway", *arguments, env=environment).strip()

    assert llm("hi") == llm("--no-stream", "hi") == "an answer"
    look = "def look(at: str) -> str:\n    'Looks.'\n    return 'blue'"
    assert llm("--functions", look, HARD).endswith("The sky is blue.")
    assert PERSON.items() <= json.loads(llm("--schema", "name, age int", "Who?")).items()
    failed = subprocess.run(
        [program, "-m", "nobody", "hi"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert failed.returncode != 0
    assert "There is no model 'gpt-9'" in failed.stderr
    check_loops(frontier, 1)
