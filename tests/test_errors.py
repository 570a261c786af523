"""Every error crosses to another process with text and record; keys and prompts stay behind."""

from __future__ import annotations

import copy
import inspect
import multiprocessing
import pickle
import threading
import typing
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import httpx
import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI

from lc_asym_router import AsymRouter, Exhausted, errors
from lc_asym_router.errors import RouterError, TiersFailedError
from tests.servers import OllamaServer, OpenAIServer, Reply

KEY = "sk-never-to-be-seen"
PROMPT = "the prompt that nobody may read"
CLASSES = sorted(
    (
        each
        for each in vars(errors).values()
        if inspect.isclass(each) and each.__module__ == errors.__name__
    ),
    key=lambda c: c.__name__,
)
TEXTS = st.text(max_size=20)
RECORD = {
    "id": "a1",
    "attempts": [
        {
            "tier": "small",
            "model": "m",
            "error": "RateLimitError 429: rate or quota limit reached",
            "check": None,
            "reason": None,
        },
        {"tier": "frontier", "model": "n", "error": None, "check": "Judge", "reason": "no"},
    ],
}


class Unpicklable(Exception):
    """A provider's exception as bad as they come."""

    def __init__(self) -> None:
        super().__init__(f"{PROMPT} {KEY}")
        self.lock = threading.Lock()


def provider_error() -> openai.APIStatusError:
    request = httpx.Request(
        "POST", "http://127.0.0.1/v1", headers={"Authorization": f"Bearer {KEY}"}, content=PROMPT
    )
    response = httpx.Response(429, request=request, headers={"x-key": KEY}, text=PROMPT)
    return openai.RateLimitError(f"{PROMPT} {KEY}", response=response, body={"prompt": PROMPT})


def raw() -> AIMessage:
    return AIMessage(
        f"{PROMPT} {KEY}", response_metadata={"headers": {"x-key": KEY}, "router": RECORD}
    )


BY_NAME: dict[str, st.SearchStrategy[Any]] = {
    "record": st.just(RECORD),
    "exceptions": st.builds(lambda: [provider_error(), Unpicklable(), errors.EmptyStreamError()]),
    "exhausted": st.builds(
        Exhausted,
        budget=TEXTS,
        per=st.just("day"),
        scope=TEXTS,
        unit=st.just("usd"),
        limit=st.floats(0, 9),
        spent=st.floats(0, 9),
        reserved=st.floats(0, 9),
        needed=st.floats(0, 9),
        opens_at=st.none(),
    ),
    "message": st.builds(raw),
    "seconds": st.floats(0, 1e9),
    "reasons": st.dictionaries(TEXTS, TEXTS, max_size=2),
}


def constructed(kind: type[RouterError]) -> bool:
    """Whether it has a constructor of its own, or just a text."""
    return any("__init__" in vars(c) for c in kind.__mro__ if c.__module__ == errors.__name__)


def made(kind: type[RouterError]) -> st.SearchStrategy[RouterError]:
    """Errors of a class: by what its constructor names, else by the type that it declares."""
    if not constructed(kind):
        return st.builds(kind, TEXTS)
    hints = typing.get_type_hints(kind.__init__)
    given = {
        name: BY_NAME[name] if name in BY_NAME else st.from_type(hints[name])
        for name in inspect.signature(kind).parameters
    }
    return st.builds(kind, **given)


def state(error: BaseException) -> dict[str, Any]:
    return {**vars(error), "exceptions": None, "message": None}


def test_the_module_holds_errors_alone() -> None:
    assert len(CLASSES) > 20
    assert all(issubclass(each, RouterError) for each in CLASSES)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), protocol=st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_pickled_it_keeps_text_and_record_and_no_secret(
    kind: type[RouterError], data: st.DataObject, protocol: int
) -> None:
    error = data.draw(made(kind))
    error.add_note(PROMPT)
    pickled = pickle.dumps(error, protocol)
    found = pickle.loads(pickled)
    assert type(found) is kind
    assert str(found) == str(error)
    assert repr(found) == repr(error)
    assert {**state(error), "__notes__": None} == {**state(found), "__notes__": None}
    for told in (pickled, str(error).encode(), repr(error).encode()):
        assert KEY.encode() not in told
        assert PROMPT.encode() not in told
    assert str(pickle.loads(pickle.dumps(found))) == str(error)  # and on to a third


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_copy_is_whole(kind: type[RouterError], data: st.DataObject) -> None:
    error = data.draw(made(kind))
    error.add_note("a note")
    for copied in (copy.copy(error), copy.deepcopy(error)):
        assert type(copied) is kind
        assert copied is not error
        assert str(copied) == str(error)
        assert vars(copied) == vars(error)


def test_exceptions_of_providers_become_what_is_known_of_them() -> None:
    error = TiersFailedError(RECORD, [provider_error(), Unpicklable(), errors.EmptyStreamError()])
    first, second, third = pickle.loads(pickle.dumps(error)).exceptions
    assert (first.kind, first.status) == ("RateLimitError", 429)
    assert str(first) == "RateLimitError 429: rate or quota limit reached"
    assert (str(second), second.status) == ("Unpicklable", None)
    assert type(third) is errors.EmptyStreamError
    assert [type(each) for each in error.exceptions[:2]] == [openai.RateLimitError, Unpicklable]


def test_unreadable_output_keeps_the_record_and_leaves_the_message() -> None:
    found = pickle.loads(pickle.dumps(errors.UnreadableOutputError("no JSON", raw())))
    assert found.message is None
    assert found.record == RECORD


class OfAUser(TiersFailedError):
    """A class of a user's, with a constructor and an attribute of its own."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(RECORD, [Unpicklable()])


def test_a_users_subclass_crosses_too() -> None:
    found = pickle.loads(pickle.dumps(OfAUser(3)))
    assert (type(found), found.number, found.record) == (OfAUser, 3, RECORD)


# processes ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool


def fail(number: int) -> None:
    raise samples()[number]


def samples() -> list[RouterError]:
    """One of each class, the same in every process."""
    known: Mapping[str, Any] = {
        "record": RECORD,
        "exceptions": [provider_error(), Unpicklable()],
        "exhausted": Exhausted("b", "day", "2026-01-31", "usd", 1.0, 1.0, 0.0, 0.5, None),
        "message": raw(),
        "reasons": {"small": "no images"},
        "seconds": 1.5,
        "limit": 3,
        "waiting": 4,
        "status": 500,
        "asked": True,
        "own": False,
    }
    found = []
    for kind in CLASSES:
        if constructed(kind):
            names = inspect.signature(kind).parameters
            found.append(kind(**{name: known.get(name, "text") for name in names}))
        else:
            found.append(kind("text"))
    return found


def test_a_pool_of_processes_survives_every_error(pool: ProcessPoolExecutor) -> None:
    for number, sample in enumerate(samples()):
        with pytest.raises(RouterError) as caught:
            pool.submit(fail, number).result(60)
        assert type(caught.value) is type(sample)
        assert str(caught.value) == str(sample)
        seen = f"{caught.value!r} {caught.value.__cause__}"
        assert KEY not in seen
        assert PROMPT not in seen


def ask(small: str, frontier: str) -> Any:
    router = AsymRouter(
        small=ChatOllama(model="s", base_url=small, client_kwargs={"timeout": 10}),
        frontier=ChatOpenAI(model="f", base_url=frontier, max_retries=0, api_key=KEY, timeout=10),
        verify="form",
    )
    return router.invoke(PROMPT)


def test_a_routers_error_comes_back_from_a_process(
    pool: ProcessPoolExecutor, small: OllamaServer, frontier: OpenAIServer
) -> None:
    small.default = Reply(status=500)
    frontier.default = Reply(status=401)
    with pytest.raises(TiersFailedError) as caught:
        pool.submit(ask, small.url, frontier.base_url).result(60)
    assert [each["tier"] for each in caught.value.attempts][-1] == "frontier"
    assert caught.value.exceptions[-1].status == 401
    seen = f"{caught.value!r} {caught.value.__cause__} {pickle.dumps(caught.value)!r}"
    assert KEY not in seen
    assert PROMPT not in seen


@pytest.mark.full
def test_multiprocessings_own_pool_hands_it_on_too() -> None:
    with (
        multiprocessing.get_context("spawn").Pool(1) as pool,
        pytest.raises(TiersFailedError, match="No tier could answer"),
    ):
        pool.apply(fail, (CLASSES.index(TiersFailedError),))
