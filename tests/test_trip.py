"""One plain request passes through few of our files and functions: `make trip` shows which."""

from __future__ import annotations

from tests.benchmarks.trip import MOST_CALLS, MOST_FILES, QUESTION, fake_router, followed, warm_trip


def test_a_plain_request_has_a_short_way() -> None:
    trip = warm_trip()

    assert len(trip.functions) <= MOST_FILES, f"more files than {MOST_FILES}:\n{trip}"
    assert trip.calls <= MOST_CALLS, f"more calls than {MOST_CALLS}:\n{trip}"


def test_every_warm_request_takes_the_same_way() -> None:
    router = fake_router()
    router.invoke(QUESTION)
    first, second = (followed(lambda: router.invoke(QUESTION)) for _ in range(2))

    assert first.functions == second.functions


def test_the_way_is_counted_from_the_first_function_on() -> None:
    trip = warm_trip()
    first = next(iter(trip.functions))

    assert first == "router/chain_model.py"
    assert next(iter(trip.functions[first])) == "ChainChatModel.invoke"
    assert {"graph/nodes.py", "verify/check.py"} <= set(trip.functions)
