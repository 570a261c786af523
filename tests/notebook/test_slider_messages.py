"""The slider as any front end that knows ipywidgets has it: real kernel, messages, no JupyterLab."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.notebook.looking import Page
from tests.notebook.test_slider import VIEW
from tests.notebooks.kernel import SLIDER, Kernel, of_kind

STANDARD = {"@jupyter-widgets/base", "@jupyter-widgets/controls", "@jupyter-widgets/output"}
"""What VS Code brings along; other modules it would fetch from the network."""


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with Kernel() as running:
        yield running


@pytest.fixture(scope="module")
def shown(kernel: Kernel) -> list[dict[str, Any]]:
    """What the kernel published when a cell ended with the slider."""
    messages = kernel.run(SLIDER)
    assert not of_kind(messages, "error")
    return messages


@pytest.fixture(scope="module")
def opened(shown: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The content and the buffers of each comm that was opened, by the model's name."""
    messages = of_kind(shown, "comm_open")
    return {
        message["content"]["data"]["state"]["_model_name"]: {
            **message["content"],
            "buffers": [bytes(buffer) for buffer in message["buffers"]],
        }
        for message in messages
    }


@pytest.mark.full
def test_the_output_is_the_widget_with_a_still_figure_beside_it(shown, opened):
    (result,) = of_kind(shown, "execute_result")
    data = result["content"]["data"]
    assert set(data) == {VIEW, "text/html", "text/plain"}
    assert data[VIEW]["model_id"] == opened["VBoxModel"]["comm_id"]
    assert data["text/plain"].startswith("threshold ")
    page = Page(data["text/html"])
    assert "img" in page.tags
    assert "script" not in page.tags


def test_no_widget_needs_a_module_of_its_own(shown):
    used = set()
    for message in of_kind(shown, "comm_open"):
        assert message["content"]["target_name"] == "jupyter.widget"
        assert message["metadata"]["version"].split(".")[0] == "2"
        state = message["content"]["data"]["state"]
        used |= {state["_model_module"], state["_view_module"] or state["_model_module"]}
        assert not {"_esm", "_css", "_dom_classes"} & {key for key, value in state.items() if value}
    assert used
    assert used <= STANDARD
    assert not [
        message
        for message in of_kind(shown, "display_data", "execute_result")
        if "application/javascript" in message["content"]["data"]
    ]


@pytest.mark.full
def test_a_moved_handle_comes_back_as_new_figures_and_a_new_curve(kernel, opened):
    slider, figures, image = (opened[f"{name}Model"] for name in ("FloatSlider", "HTML", "Image"))
    before = figures["data"]["state"]["value"]
    at = slider["data"]["state"]["value"]
    wanted = round((at + slider["data"]["state"]["max"]) / 2, 3)
    data = {"method": "update", "state": {"value": wanted}, "buffer_paths": []}
    messages = kernel.send("comm_msg", {"comm_id": slider["comm_id"], "data": data})
    updates = {
        message["content"]["comm_id"]: message
        for message in of_kind(messages, "comm_msg")
        if message["content"]["data"]["method"] == "update"
    }
    after = updates[figures["comm_id"]]["content"]["data"]["state"]["value"]
    assert after != before
    assert f"{wanted:.3f} threshold" in Page(after).text
    drawn = updates[image["comm_id"]]
    assert drawn["content"]["data"]["buffer_paths"] == [["value"]]
    (curve,) = map(bytes, drawn["buffers"])
    assert curve.startswith(b"\x89PNG")
    assert [curve] != image["buffers"]
    assert not of_kind(messages, "error", "stream")
