"""`RouterSpec`: a router described by plain data, for a file or another process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

from lc_asym_router._internal.imports import needed
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.router.spec_values import (
    IMPORT_PATH,
    NONE,
    arguments,
    audit_of,
    checks_of,
    differing,
    imported,
    located,
    make_budgets,
    price_of,
    refuse_password,
    refuse_secrets,
    refuse_unsafe_table,
    resolved,
    shadow_of,
    toml_values,
    variable,
)

if TYPE_CHECKING:
    from lc_asym_router.tiers.tier import Tier

GATEWAY = "gateway"
"""The table of a file that is the gateway's own."""


@dataclass(frozen=True)
class TierSpec:
    """One tier, described.

    Args:
        model: A model string: "ollama:llama3.1:8b", "openai:gpt-4o", "embedded:qwen2.5-coder:0.5b".
        name: The tier's name.
        factory: Instead of a model string, the import path "package.module:function" of what makes
            a chat model or a `Tier` when it is called without arguments.
        settings: Arguments of the model's class, such as `base_url` and `temperature`. A name that
            ends in `_env` takes its value from the environment variable of that name:
            `api_key_env="TEAM_KEY"` sets `api_key`.
        context_window: As for `Tier`, in tokens.
        inputs: As for `Tier`.
        tools: As for `Tier`.
        price: As for `Tier`, by its numbers: `input` and `output` (and `cached_input`,
            `cache_write`, `reasoning`) in USD per million tokens; or `usd_per_call`; or
            `usd_per_second`; or `watts` and `usd_per_kwh`.
        timeout: As for `Tier`, in seconds.
        retry: As for `Tier`, a number of attempts.
        max_concurrency: As for `Tier`.
        max_queue: As for `Tier`.

    Raises:
        ConfigurationError: There is neither a model nor a factory, or both; or a secret is written
            out.
    """

    model: str = ""
    name: str = ""
    factory: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    context_window: int | None = None
    inputs: tuple[str, ...] | None = None
    tools: bool | None = None
    price: Mapping[str, float] | None = field(default=None, hash=False)
    timeout: float | None = None
    retry: int | None = None
    max_concurrency: int | None = None
    max_queue: int | None = None

    def __post_init__(self) -> None:
        if bool(self.model) == bool(self.factory):
            raise ConfigurationError(
                "A tier has either a model string, model = 'ollama:llama3.1:8b', or the import path "
                "of what makes it, factory = 'package.module:function'."
            )
        if self.factory and self.settings:
            raise ConfigurationError(
                f"settings= are those of a model string; {self.factory!r} makes its model itself."
            )
        refuse_secrets(self.settings, f"the tier {self.name or self.model!r}")
        if self.inputs is not None:
            object.__setattr__(self, "inputs", tuple(self.inputs))

    def build(self) -> Tier:
        """Make the tier.

        Raises:
            ConfigurationError: Its model can't be made, a setting is invalid, or a variable is not set.
        """
        from lc_asym_router.tiers.tier import Tier

        model: Any
        source = ""
        if self.factory:
            model = imported(self.factory, "factory")()
            if isinstance(model, Tier):
                return model.named(self.name)
        elif self.model.startswith("embedded:"):
            from lc_asym_router.router.from_env import embedded_tier

            found = embedded_tier(self.model.removeprefix("embedded:"))
            model, source = found.model, found.source
            if self.settings:
                model = model.model_copy(update=resolved(self.settings))
        else:
            from lc_asym_router.tiers.tier import load_model

            model = load_model(self.model, resolved(self.settings))
        return Tier(
            model,
            self.name,
            context_window=self.context_window,
            inputs=self.inputs,
            tools=self.tools,
            price=price_of(self.price),
            source=source,
            timeout=self.timeout,
            retry=self.retry,
            max_concurrency=self.max_concurrency,
            max_queue=self.max_queue,
        )


@dataclass(frozen=True)
class RouterSpec:
    """A router, described by plain data: it can be pickled, written to TOML, and built anywhere.

    What is not listed here is as for `AsymRouter`. Secrets are never in it, only the names of the
    environment variables that hold them, where it is built.

    Args:
        tiers: The tiers, cheapest first; two without names are "small" and "frontier".
        factory: Instead of all other settings, the import path "package.module:function" of what
            makes an `AsymRouter` when it is called without arguments.
        fallbacks: Tiers that are asked where the last one fails.
        classify: A classifier's name, or the import path "package.module:object" of one; `None`
            (in a file "none") for none.
        classify_deadline: As for `AsymRouter`, in seconds.
        question: A mark, two marks, or the import path of a function.
        languages: As for `AsymRouter`.
        threshold: One number, one for each step up, or the path of a calibration's file.
        verify: "form", "default", "vote", "strict", the import path of a check, or `None` (in a file
            "none"); or one of these for each tier but the last.
        small_attempts: As for `AsymRouter`.
        escalate_with: As for `AsymRouter`.
        sticky: As for `AsymRouter`.
        stall_steps: As for `AsymRouter`.
        deadline: As for `AsymRouter`, in seconds.
        degrade: As for `AsymRouter`.
        hedge: As for `AsymRouter`.
        repair_tool_calls: As for `AsymRouter`.
        configurable_prefix: As for `AsymRouter`.
        temperature: As for `AsymRouter`.
        max_tokens: As for `AsymRouter`.
        stop: As for `AsymRouter`.
        tags: Tags of every request.
        audit: The settings of an `Audit`; its `judge` is "frontier" or a model string, its `budget`
            the settings of a `Budget`, its `rungs` a list of the settings of each `Rung`.
        shadow: `True`, or the settings of a `Shadow`, likewise.
        budgets: The settings of each `Budget`; `store` is a URL, `on_exhausted` may be an import path.
        database: The URL of the database with the ledger, and with the budgets' and audits' counts
            where these name none of their own. Without one there is no ledger.
        database_env: Instead, the environment variable that holds it: a URL with a password.

    Raises:
        ConfigurationError: A setting is unknown, two exclude each other, or a secret is written out.

    Example:
        ```python
        spec = RouterSpec(
            tiers=[TierSpec("ollama:llama3.1:8b"), TierSpec("openai:gpt-4o")], verify="form"
        )
        router = spec.build()
        ```
    """

    tiers: tuple[TierSpec, ...] = ()
    factory: str = ""
    fallbacks: tuple[TierSpec, ...] = ()
    classify: str | None = "default"
    classify_deadline: float | None = 10.0
    question: str | tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None
    threshold: float | tuple[float, ...] | str | None = None
    verify: str | Mapping[str, str | None] | None = field(default="default", hash=False)
    small_attempts: int = 1
    escalate_with: str = "request"
    sticky: str | None = "turn"
    stall_steps: int | None = 3
    deadline: float | None = None
    degrade: bool = False
    hedge: bool | float = False
    repair_tool_calls: bool = True
    configurable_prefix: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] | None = None
    tags: tuple[str, ...] = ()
    audit: Mapping[str, Any] | None = field(default=None, hash=False)
    shadow: Mapping[str, Any] | bool | None = field(default=None, hash=False)
    budgets: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    database: str | None = None
    database_env: str | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        for name in ("tiers", "fallbacks"):
            specs = enumerate(getattr(self, name))
            put(self, name, tuple(_tier_spec(each, f"{name}[{i}]") for i, each in specs))
        for name in ("question", "languages", "threshold", "stop", "tags", "budgets"):
            if isinstance(getattr(self, name), list):
                put(self, name, tuple(getattr(self, name)))
        if bool(self.factory) == bool(self.tiers):
            raise ConfigurationError(
                "A router has either tiers, cheapest first, or the import path of what makes it, "
                "factory = 'package.module:function'."
            )
        if self.factory:
            others = [name for name in differing(self) if name != "factory"]
            if others:
                raise ConfigurationError(
                    f"{', '.join(others)}: {self.factory!r} makes the router with all its settings. "
                    "Set them there."
                )
        shadow = {} if isinstance(self.shadow, bool) else self.shadow or {}
        tables = [("audit", self.audit or {}), ("shadow", shadow)]
        tables += [(f"budgets[{i}]", each) for i, each in enumerate(self.budgets)]
        for name, given in tables:
            refuse_unsafe_table(given, name)
        refuse_password(self.database, "database")
        if self.database and self.database_env:
            raise ConfigurationError("Give either database or database_env, not both.")

    # building -------------------------------------------------------------------------------

    def build(self, callbacks: Sequence[Any] | None = None) -> Any:
        """Make the router, an `AsymRouter`.

        Args:
            callbacks: Handlers of every request, in the place of the ledger of `database`; `None`
                for that ledger.

        Raises:
            ConfigurationError: Something can't be made, a setting is invalid, or an environment
                variable is not set.
            pydantic.ValidationError: The router finds a setting invalid.
        """
        # By its public name: its module imports this one.
        router = imported("lc_asym_router:AsymRouter", "AsymRouter")
        if self.factory:
            made = imported(self.factory, "factory")()
            if not isinstance(made, router):
                raise ConfigurationError(
                    f"factory = {self.factory!r} makes a {type(made).__name__}; it must make an "
                    "AsymRouter."
                )
            if callbacks is None:
                return made
            return made.model_copy(update={"callbacks": list(callbacks)})
        url = self.database_url
        settings = {name: getattr(self, name) for name in differing(self) if name in _SAME}
        for name in ("classify", "question"):
            if isinstance(path := settings.get(name), str) and IMPORT_PATH.fullmatch(path):
                settings[name] = imported(path, name)
        if "verify" in settings:
            settings["verify"] = checks_of(self.verify)
        for name in ("languages", "stop", "tags"):
            if settings.get(name) is not None:
                settings[name] = list(settings[name])
        if self.budgets:
            settings["budgets"] = make_budgets(self.budgets, url, "budgets")
        if self.audit is not None:
            with located("audit"):
                settings["audit"] = audit_of(self.audit, url)
        if self.shadow:
            with located("shadow"):
                settings["shadow"] = shadow_of({} if self.shadow is True else self.shadow, url)
        if callbacks is None and url is not None:
            from lc_asym_router.money.ledger.handler import Ledger

            callbacks = [Ledger(url)]
        if callbacks:
            settings["callbacks"] = list(callbacks)
        tiers = _built(self.tiers, "tiers")
        if len(tiers) == 2:
            tiers = [tiers[0].named("small"), tiers[1].named("frontier")]
        return router(tiers=tiers, fallbacks=_built(self.fallbacks, "fallbacks"), **settings)

    @property
    def database_url(self) -> str | None:
        """The database's URL.

        Raises:
            ConfigurationError: Its environment variable is not set.
        """
        return variable(self.database_env, "database_env") if self.database_env else self.database

    # files ----------------------------------------------------------------------------------

    @classmethod
    def from_toml(cls, source: str | PathLike[str]) -> Self:
        """Read it from a TOML file, or from its text. The table `gateway` is the gateway's own.

        Args:
            source: A path; or a text of more than one line.

        Raises:
            ConfigurationError: It can't be read, or a setting is unknown or invalid.
        """
        values = toml_values(source)
        values.pop(GATEWAY, None)
        return cls.from_mapping(values)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Make it of what a TOML file holds.

        Raises:
            ConfigurationError: A setting is unknown or invalid.
        """
        return cls(**arguments(cls, values, "the router"))

    def to_toml(self) -> str:
        """Write it as TOML; settings that have their default are left out.

        Raises:
            ConfigurationError: The extra `gateway` is not installed.
        """
        text: str = needed("tomli_w", "gateway").dumps(self.to_mapping())
        return text

    def to_mapping(self) -> dict[str, Any]:
        """What its TOML file holds."""
        plain: dict[str, Any] = _plain(self)
        return plain


def _tier_spec(given: Any, where: str) -> TierSpec:
    if isinstance(given, TierSpec):
        return given
    if isinstance(given, str):
        return TierSpec(given)
    if isinstance(given, Mapping):
        with located(where):
            return TierSpec(**arguments(TierSpec, given, "a tier"))
    raise ConfigurationError(
        f"{where} is a {type(given).__name__}; give TierSpec(...), or a model string."
    )


def _built(specs: Sequence[TierSpec], where: str) -> list[Tier]:
    tiers = []
    for place, each in enumerate(specs):
        with located(f"{where}[{place}]"):
            tiers.append(each.build())
    return tiers


def _plain(value: Any) -> Any:
    if isinstance(value, RouterSpec | TierSpec):
        return {name: _plain(getattr(value, name)) for name in differing(value)}
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return NONE if value is None else value


_SAME = frozenset(each.name for each in fields(RouterSpec)) - {
    "tiers",
    "factory",
    "fallbacks",
    "audit",
    "shadow",
    "budgets",
    "database",
    "database_env",
}
"""Settings that the router takes under the same names."""
