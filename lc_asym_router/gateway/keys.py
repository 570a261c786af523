"""The gateway's keys: made, listed, rotated, revoked and verified in the ledger's database."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from lc_asym_router.errors import ConfigurationError
from lc_asym_router.money.budgets.amounts import MOST_LIMIT, NANO
from lc_asym_router.money.database.sql_store import Store, database_time, url_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

MARK = "sk-asym-"
"""How every key begins: scanners for secrets know "sk-", and so does what masks keys in our logs."""
TAG = "key:"
"""How the tag of a key's requests begins; its name follows."""
LONGEST_PERIOD = 100 * 365 * 86_400
"""No key is made for longer, in seconds."""
MOST_RATE = 10**12
"""The greatest limit of requests or tokens a minute."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_TAG = re.compile(r"[\w.:@/+-]{1,100}")
_KEY = re.compile(rf"{MARK}(?P<prefix>[0-9a-f]{{12}})-[A-Za-z0-9_-]{{43}}")


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """What a key may do. `None` means no limit.

    Args:
        usd_per_day: The most that its requests may cost from midnight to midnight UTC, in USD.
        usd_per_month: The same for a calendar month.
        rpm: The most requests in any 60 seconds.
        tpm: The most tokens in any 60 seconds, input and output together.
        models: The models that it may name ("auto", a tier, a router).
        tags: Tags of all its requests, beside "key:NAME".
        admin: Whether it may read the reports of all keys.

    Raises:
        ConfigurationError: A value is out of its range.
    """

    usd_per_day: float | None = None
    usd_per_month: float | None = None
    rpm: int | None = None
    tpm: int | None = None
    models: tuple[str, ...] | None = None
    tags: tuple[str, ...] = ()
    admin: bool = False

    def __post_init__(self) -> None:
        for name in ("usd_per_day", "usd_per_month"):
            _check_number(name, getattr(self, name), 1 / NANO, MOST_LIMIT["usd"], (int, float))
        for name in ("rpm", "tpm"):
            _check_number(name, getattr(self, name), 1, MOST_RATE, (int,))
        if self.models is not None and not all(self.models):
            raise ConfigurationError("models= names no model: give 'auto,small', or leave it out.")
        for tag in self.tags:
            if not _TAG.fullmatch(tag) or tag.startswith(TAG):
                raise ConfigurationError(
                    f"The tag {tag!r} can't be a key's: 1 to 100 letters, digits and any of "
                    f"_.:@/+-, and not beginning with {TAG!r}, which is the key's own."
                )


def _check_number(
    name: str, value: Any, least: float, most: float, kinds: tuple[type[Any], ...]
) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= most:
        raise ConfigurationError(
            f"{name}={value!r} must be over 0, and {most:g} at most. Leave it out for no limit."
        )


@dataclass(frozen=True, slots=True)
class Key:
    """A key as the database knows it: never the key itself.

    Attributes:
        prefix: What its row is found by; it stands in the key.
        name: Its name; the budget and the rates are the name's, so they outlive a rotation.
        limits: What it may do.
        created_at: When it was made, in seconds since the epoch.
        expires_at: When it ends, likewise; `None` for never.
        revoked_at: When it was revoked or, rotated, is to end; `None` where it was not.
        salt: The salt of its hash.
        hash: The hash.
    """

    prefix: str
    name: str
    limits: KeyLimits
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None
    salt: str = field(default="", repr=False)
    hash: str = field(default="", repr=False)

    @property
    def tag(self) -> str:
        """The tag of all its requests."""
        return f"{TAG}{self.name}"

    def state(self, now: float) -> str:
        """Return "active", "expired" or "revoked"."""
        if self.revoked_at is not None and self.revoked_at <= now:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "active"


def prefix_of(given: str) -> str | None:
    """The prefix in what may be a key; `None` where it is none."""
    found = _KEY.fullmatch(given)
    return found["prefix"] if found else None


def is_of(given: str, key: Key | None) -> bool:
    """Whether a text is the key of a row; in the same time whatever it is.

    The key holds 256 random bits, which nobody guesses however fast the hash: a slow one, as for
    passwords, would only slow the gateway.
    """
    salt, expected = (key.salt, key.hash) if key is not None else ("00" * 16, "00" * 32)
    return hmac.compare_digest(_hashed(given, salt), expected) and key is not None


def _hashed(given: str, salt: str) -> str:
    return hashlib.sha256(bytes.fromhex(salt) + given.encode("utf-8", "replace")).hexdigest()


class KeyStore:
    """The keys in a database. Every method asks the database, so no event loop may call it.

    Args:
        url: A URL or the path of an SQLite file: the ledger's; `None` for its default file.
        now: The time in seconds since the epoch, for a connection; the database's by default.

    Raises:
        ConfigurationError: The URL can't be read, or an extra is missing.
    """

    def __init__(
        self,
        url: str | os.PathLike[str] | None = None,
        now: Callable[[Connection], float] = database_time,
    ) -> None:
        self.store = Store(url_of(url))
        self._now = now

    def add(
        self, name: str, limits: KeyLimits | None = None, expires_in: float | None = None
    ) -> str:
        """Make a key, and return it: nobody can read it again.

        Args:
            name: 1 to 60 letters, digits, dots, dashes and underscores.
            limits: What it may do; everything but reading reports by default.
            expires_in: Seconds until it ends; `None` for never.

        Raises:
            ConfigurationError: The name or the time can't be, or there is an active key of the name.
        """
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                f"The key's name {name!r} must be 1 to 60 letters, digits, dots, dashes and "
                "underscores, and begin with a letter or a digit."
            )
        if expires_in is not None and not 0 < expires_in <= LONGEST_PERIOD:
            raise ConfigurationError(
                f"A key can't expire in {expires_in:g} seconds: give a time over 0, or none."
            )
        with self.store.transaction(writing=True) as connection:
            now = self._alone(connection)
            if any(key.state(now) == "active" for key in _read(connection, name)):
                raise ConfigurationError(
                    f"There is an active key {name!r}. Replace it with `keys rotate {name}`, or "
                    f"end it with `keys revoke {name}`."
                )
            expires_at = None if expires_in is None else now + expires_in
            return _insert(connection, Key("", name, limits or KeyLimits(), now, expires_at))

    def rotate(self, name: str, grace: float = 0.0) -> str:
        """Make a new key of a name, with the limits and the end of the old one, and return it.

        Args:
            name: The name.
            grace: Seconds until the old one ends; it shares budgets and rates with the new one.

        Raises:
            ConfigurationError: There is no active key of the name, or the time can't be.
        """
        if not 0 <= grace <= LONGEST_PERIOD:
            raise ConfigurationError(f"grace={grace!r} must be 0 or more seconds.")
        with self.store.transaction(writing=True) as connection:
            now = self._alone(connection)
            active = self._active(connection, name, now)
            # One that is about to end by an earlier rotation is not what is carried on.
            current = min(active, key=lambda key: (key.revoked_at is not None, -key.created_at))
            for key in active:
                ends = now + grace
                _revoke(connection, key, min(ends, key.revoked_at or ends))
            return _insert(connection, replace(current, created_at=now, revoked_at=None))

    def revoke(self, name: str) -> None:
        """End all keys of a name, now.

        Raises:
            ConfigurationError: There is no active key of the name.
        """
        with self.store.transaction(writing=True) as connection:
            now = self._alone(connection)
            for key in self._active(connection, name, now):
                _revoke(connection, key, now)

    def list(self) -> list[Key]:
        """Return all keys, the oldest first."""
        with self.store.transaction(writing=False) as connection:
            return _read(connection)

    def find(self, prefix: str) -> Key | None:
        """Return the key of a prefix, or `None`."""
        from lc_asym_router.money.database.tables import keys

        with self.store.transaction(writing=False) as connection:
            found = _read(connection, where=keys.c.prefix == prefix)
        return found[0] if found else None

    def close(self) -> None:
        """Close the database's connections."""
        self.store.close()

    def _alone(self, connection: Connection) -> float:
        """Keep others from changing keys until the transaction ends; returns the time."""
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("LOCK TABLE asym_keys IN SHARE ROW EXCLUSIVE MODE")
        return self._now(connection)

    def _active(self, connection: Connection, name: str, now: float) -> Sequence[Key]:
        active = [key for key in _read(connection, name) if key.state(now) == "active"]
        if not active:
            raise ConfigurationError(
                f"There is no active key {name!r}: `keys list` shows all, `keys add {name}` makes it."
            )
        return active


_PLAIN = tuple(each.name for each in fields(KeyLimits) if each.name not in ("models", "tags"))


def _read(connection: Connection, name: str | None = None, where: Any = None) -> list[Key]:
    from sqlalchemy import select

    from lc_asym_router.money.database.tables import keys

    query = select(keys).order_by(keys.c.created_at, keys.c.prefix)
    if name is not None:
        where = keys.c.name == name
    if where is not None:
        query = query.where(where)
    return [_key_of(row) for row in connection.execute(query).mappings()]


def _key_of(row: Any) -> Key:
    models = None if row["models"] is None else tuple(json.loads(row["models"]))
    plain = {name: row[name] for name in _PLAIN}
    limits = KeyLimits(models=models, tags=tuple(json.loads(row["tags"])), **plain)
    rest = ("prefix", "name", "created_at", "expires_at", "revoked_at", "salt", "hash")
    return Key(limits=limits, **{name: row[name] for name in rest})


def _insert(connection: Connection, key: Key) -> str:
    from lc_asym_router.money.database.tables import keys

    prefix, salt = secrets.token_hex(6), secrets.token_hex(16)
    secret = f"{MARK}{prefix}-{secrets.token_urlsafe(32)}"
    limits = key.limits
    connection.execute(
        keys.insert().values(
            prefix=prefix,
            name=key.name,
            salt=salt,
            hash=_hashed(secret, salt),
            created_at=key.created_at,
            expires_at=key.expires_at,
            revoked_at=None,
            models=_listed(limits.models),
            tags=_listed(limits.tags),
            **{name: getattr(limits, name) for name in _PLAIN},
        )
    )
    return secret


def _revoke(connection: Connection, key: Key, moment: float) -> None:
    from lc_asym_router.money.database.tables import keys

    connection.execute(keys.update().where(keys.c.prefix == key.prefix).values(revoked_at=moment))


def _listed(values: Iterable[str] | None) -> str | None:
    return None if values is None else json.dumps(list(values))
