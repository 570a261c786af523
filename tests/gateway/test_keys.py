"""Keys in the database: salted hashes only, found by their prefix, rotated and revoked at once."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from lc_asym_router import errors
from lc_asym_router.gateway import keys as keys_module
from lc_asym_router.gateway.keys import MARK, KeyLimits, KeyStore, is_of, prefix_of
from lc_asym_router.shell import main
from tests.money.conftest import postgres, query, url  # noqa: F401

DAY = 86_400.0


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self, connection: Any = None) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def keys(url, time):  # noqa: F811
    store = KeyStore(url, time)
    yield store
    store.close()


def found(keys: KeyStore, given: str):
    """The row that a key is of, or `None`."""
    prefix = prefix_of(given)
    key = keys.find(prefix) if prefix else None
    return key if is_of(given, key) else None


LIMITS = KeyLimits(5.0, 50.0, 60, 10_000, ("auto", "small"), ("team:a",), admin=True)


def test_a_key_is_found_with_its_limits_and_stored_as_a_salted_hash(keys, url):  # noqa: F811
    first, second = keys.add("one", LIMITS, 90 * DAY), keys.add("two")
    assert first.startswith(MARK)
    key = found(keys, first)
    assert key is not None
    assert (key.name, key.limits, key.tag) == ("one", LIMITS, "key:one")
    assert key.expires_at == key.created_at + 90 * DAY
    plain = found(keys, second)
    assert plain is not None
    assert plain.limits == KeyLimits()
    rows = repr(query(url, "SELECT * FROM asym_keys"))
    assert first not in rows
    assert first[-32:] not in rows
    salts = query(url, "SELECT DISTINCT salt, hash FROM asym_keys")
    assert len(salts) == 2
    assert key.hash not in repr(key)


@pytest.mark.parametrize("place", [len(MARK) + 12, len(MARK) + 30, -1])
def test_a_key_that_differs_in_one_character_is_another(keys, place):
    given = keys.add("one")
    other = "A" if given[place] != "A" else "B"
    changed = given[:place] + other + (given[place + 1 :] if place != -1 else "")
    assert found(keys, changed) is None


@pytest.mark.parametrize(
    "given", ["", "sk-x", "Bearer", "sk-asym-0123456789ab-short", "sk-asym-" + "'; DROP TABLE"]
)
def test_what_has_no_keys_form_never_reaches_the_database(given):
    assert prefix_of(given) is None


def test_keys_are_compared_in_constant_time_even_where_there_is_no_row(keys, monkeypatch):
    compared = []
    monkeypatch.setattr(
        keys_module.hmac, "compare_digest", lambda a, b: compared.append((a, b)) or a == b
    )
    given = keys.add("one")
    assert is_of(given, keys.find(prefix_of(given)))
    assert not is_of(given, None)
    assert [len(a) for a, _ in compared] == [64, 64]


def test_a_revoked_key_and_an_expired_one_say_so(keys, time):
    given, later = keys.add("one"), keys.add("two", expires_in=DAY)
    keys.revoke("one")
    assert found(keys, given).state(time.now) == "revoked"
    assert found(keys, later).state(time.now) == "active"
    time.now += DAY
    assert found(keys, later).state(time.now) == "expired"
    with pytest.raises(errors.ConfigurationError, match="no active key 'one'"):
        keys.revoke("one")
    assert found(keys, keys.add("one")).state(time.now) == "active"


def test_rotating_keeps_name_limits_and_end(keys, time):
    old = keys.add("one", LIMITS, 10 * DAY)
    ends = found(keys, old).expires_at
    time.now += DAY
    new = keys.rotate("one")
    assert found(keys, old).state(time.now) == "revoked"
    key = found(keys, new)
    assert (key.name, key.limits, key.expires_at) == ("one", LIMITS, ends)


def test_a_grace_ends_and_a_later_rotation_makes_it_no_longer(keys, time):
    old = keys.add("one")
    newer = keys.rotate("one", grace=3600)
    newest = keys.rotate("one", grace=2 * 3600)
    states = [found(keys, each).state(time.now) for each in (old, newer, newest)]
    assert states == ["active", "active", "active"]
    time.now += 3600
    states = [found(keys, each).state(time.now) for each in (old, newer, newest)]
    assert states == ["revoked", "active", "active"]
    keys.revoke("one")
    assert {key.state(time.now) for key in keys.list()} == {"revoked"}


@pytest.mark.parametrize("name", ["", "-a", "a b", "a|b", "ä", "a" * 61, "a\n"])
def test_a_bad_name_is_refused(keys, name):
    with pytest.raises(errors.ConfigurationError, match="name"):
        keys.add(name)


@pytest.mark.parametrize(
    "settings",
    [
        {"usd_per_day": 0.0},
        {"usd_per_day": float("nan")},
        {"usd_per_month": -1.0},
        {"usd_per_day": float("inf")},
        {"rpm": 0},
        {"rpm": True},
        {"tpm": 10**13},
        {"models": ("auto", "")},
        {"tags": ("key:other",)},
        {"tags": ("two words",)},
    ],
)
def test_a_bad_limit_is_refused(settings):
    with pytest.raises(errors.ConfigurationError):
        KeyLimits(**settings)


def test_of_many_that_add_one_name_at_once_one_does(keys):
    keys.list()
    made, refused = [], []

    def add() -> None:
        try:
            made.append(keys.add("one"))
        except errors.ConfigurationError:
            refused.append(1)

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(refused)) == (1, 7)


# the command --------------------------------------------------------------------------------


def test_the_command_shows_a_key_once_and_lists_it_without(tmp_path, capsys):
    place = str(tmp_path / "keys.sqlite3")
    words = "--usd-per-day 5 --rpm 60 --tpm 9000 --models auto,small --expires 90d --tag t:1"
    assert main(["keys", "add", "ada", *words.split(), "--database", place]) == 0
    given = capsys.readouterr().out.strip()
    store = KeyStore(place)
    key = found(store, given)
    assert key.limits == KeyLimits(5.0, None, 60, 9000, ("auto", "small"), ("t:1",))
    assert key.expires_at - key.created_at == 90 * DAY
    assert main(["keys", "list", "--database", place]) == 0
    listed = capsys.readouterr().out
    assert "ada" in listed
    assert "auto,small" in listed
    assert given not in listed
    assert given[-32:] not in listed  # its secret may hold a "-" too
    assert main(["keys", "rotate", "ada", "--database", place]) == 0
    new = capsys.readouterr().out.strip()
    assert found(store, given).revoked_at is not None
    assert main(["keys", "revoke", "ada", "--database", place]) == 0
    assert found(store, new).revoked_at is not None
    assert main(["keys", "revoke", "ada", "--database", place]) == 2
    assert "no active key" in capsys.readouterr().err
    store.close()


def test_the_command_refuses_a_time_that_is_none(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["keys", "add", "a", "--expires", "soon", "--database", str(tmp_path / "k.sqlite3")])
    assert "write 30m, 12h, 90d or 4w" in capsys.readouterr().err


def test_the_command_finds_the_database_in_the_gateways_file(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("KEYS_DATABASE", f"sqlite:///{tmp_path}/keys.sqlite3")
    file = tmp_path / "gateway.toml"
    tiers = '[[tiers]]\nmodel = "ollama:a"\n[[tiers]]\nmodel = "openai:b"\n'
    file.write_text(f'database_env = "KEYS_DATABASE"\n{tiers}[gateway]\nkeys = true\n')
    assert main(["keys", "add", "ada", "--config", str(file)]) == 0
    given = capsys.readouterr().out.strip()
    store = KeyStore(tmp_path / "keys.sqlite3")
    assert found(store, given).name == "ada"
    store.close()
    file.write_text(tiers)
    assert main(["keys", "list", "--config", str(file)]) == 2
    assert "names no database" in capsys.readouterr().err
