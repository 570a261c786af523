"""The notebooks as they are saved: in step with their text, run from top to bottom, without errors."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nbformat
import pytest

from tests.behaviour.answering import answer, spoiled
from tests.notebooks.pairs import (
    FOLDER,
    SCRIPTS,
    difference,
    from_script,
    notebook_of,
    update_script,
)
from tests.notebooks.pupils import pupil
from tests.notebooks.running import run
from tests.router.test_from_env import nothing  # noqa: F401
from tests.servers import OllamaServer, OpenAIServer

CHANGED = "answer = 42\nprint(answer)"

every_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)


@pytest.fixture
def copied(tmp_path: Path) -> tuple[Path, Path]:
    """A script and its notebook, to be changed."""
    first = SCRIPTS[0]
    script = Path(shutil.copy(first, tmp_path))
    return script, Path(shutil.copy(notebook_of(first), tmp_path))


def test_there_are_four():
    names = ["01_chains", "02_agents", "03_calibrate", "04_audits"]
    assert [script.stem for script in SCRIPTS] == names
    assert sorted(notebook.stem for notebook in FOLDER.glob("*.ipynb")) == names


@every_script
def test_the_text_pair_is_in_step(script):
    assert difference(script, notebook_of(script)) == ""


@every_script
def test_the_saved_outputs_are_of_one_run_from_top_to_bottom(script):
    cells = [c for c in nbformat.read(notebook_of(script), 4).cells if c.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert len(outputs) > 6
    assert not [each for each in outputs if each.output_type == "error"]
    assert str(FOLDER.parent) not in notebook_of(script).read_text(encoding="utf-8")


@every_script
def test_the_first_cell_installs_and_switches(script):
    first = next(cell for cell in from_script(script).cells if cell.cell_type == "code")
    assert '"pip", "install"' in first.source
    assert 'os.environ.get("ROUTER_MODELS", "embedded")' in first.source


@every_script
def test_it_shows_the_whole_router_and_imports_nothing_from_beside_it(script):
    text = script.read_text(encoding="utf-8")
    assert re.search(r"AsymRouter\(\s*small=", text)
    assert "AsymRouter(**" not in text
    found = re.findall(r"^(?:from|import) (\w+)", text, flags=re.MULTILINE)
    beside = {path.stem for path in FOLDER.glob("*.py")} | {"tests"}
    assert not {*found} & beside


@pytest.mark.parametrize("change", ["changed", "added", "gone"])
def test_a_stale_pair_is_seen(copied, change):
    script, notebook = copied
    if change == "gone":
        notebook.unlink()
        assert difference(script, notebook) == f"{notebook.name} is missing"
        return
    text = script.read_text(encoding="utf-8")
    more = f"{text}\n# %%\n{CHANGED}\n"
    script.write_text(more if change == "added" else text.replace("chain.invoke", "chain.batch"))
    assert "differ in cell" in difference(script, notebook)


def test_what_was_edited_in_jupyter_comes_into_the_script(copied):
    script, notebook = copied
    edited = nbformat.read(notebook, 4)
    edited.cells[-1].source = CHANGED
    nbformat.write(edited, notebook)
    header = script.read_text(encoding="utf-8").partition("# %%")[0]
    update_script(script, notebook)
    assert difference(script, notebook) == ""
    assert script.read_text(encoding="utf-8").startswith(header)
    assert script.read_text(encoding="utf-8").endswith(f"# %%\n{CHANGED}\n")


def test_an_error_is_told(tmp_path):
    script = tmp_path / "04_wrong.py"
    script.write_text(
        SCRIPTS[0].read_text(encoding="utf-8").partition("# %%")[0]
        + "# %%\nraise ValueError('this cell fails')\n"
    )
    _, _, error = run(script)
    assert "ValueError: this cell fails" in error


@pytest.mark.full
@pytest.mark.parametrize(
    ("script", "small_says", "frontier_says"),
    [
        pytest.param(SCRIPTS[0], answer, answer, id="01_chains"),
        pytest.param(SCRIPTS[1], spoiled, answer, id="02_agents"),
        pytest.param(SCRIPTS[2], pupil(2), pupil(3), id="03_calibrate"),
        pytest.param(SCRIPTS[2], pupil(3), pupil(3), id="03_calibrate-tiers-alike"),
        pytest.param(SCRIPTS[3], answer, answer, id="04_audits"),
    ],
)
def test_the_switch_to_ollama_and_openai_outside_the_clone(
    script,
    small_says,
    frontier_says,
    nothing,  # noqa: F811
    tmp_path,
):
    with OllamaServer(default=small_says) as small, OpenAIServer(default=frontier_says) as frontier:
        nothing.setenv("ROUTER_MODELS", "real")
        nothing.setenv("OLLAMA_HOST", small.url)
        nothing.setenv("OPENAI_API_KEY", "sk-not-a-key")
        nothing.setenv("OPENAI_BASE_URL", frontier.base_url)
        done, _, error = run(script, tmp_path)
        assert not error
        assert small.requests
        assert frontier.requests
    text = nbformat.writes(done)
    assert "sk-not-a-key" not in text
