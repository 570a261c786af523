"""What a batch's journal goes by."""

from __future__ import annotations

from lc_asym_router.batch.bound_router import journal_maker


def tool() -> object:
    def look(place: str) -> str:
        """Look there."""
        return place

    return look


def test_a_function_is_the_same_tool_in_another_process():
    one, other = tool(), tool()
    assert one is not other
    assert journal_maker("a router", None, [one], None) == journal_maker(
        "a router", None, [other], None
    )
    others = [("another", None, [one], None), ("a router", "{x}", [one], None)]
    others += [("a router", None, [len], None), ("a router", None, None, {"title": "x"})]
    made = {journal_maker(*each) for each in [("a router", None, [one], None), *others]}
    assert len(made) == 5
