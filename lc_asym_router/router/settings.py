"""Resolve a user's settings for the graph; every invalid setting raises here, at construction."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel

from lc_asym_router._internal.deadline import bounded
from lc_asym_router.classify.calibration import Calibration
from lc_asym_router.classify.judge_classifier import JudgeClassifier
from lc_asym_router.classify.keyword import KeywordClassifier
from lc_asym_router.classify.scorer import Scorer
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.graph.state import check_threshold
from lc_asym_router.money.budgets.amounts import LIMITS, UNITS, by_output, model_limit
from lc_asym_router.money.budgets.budget import Budget, utc_now
from lc_asym_router.tiers.faults.retry import without_own_retries
from lc_asym_router.tiers.ladder import Ladder
from lc_asym_router.tiers.providers.parameters import settings
from lc_asym_router.tiers.providers.stream_usage import asking_for_usage
from lc_asym_router.tiers.tier import Tier
from lc_asym_router.verify.check import Check

if TYPE_CHECKING:
    from lc_asym_router.tiers.tier import Tier


CLASSIFIERS = ("default", "keyword", "judge", "learned", "embedding")


def ladder_of(
    small: Any, frontier: Any, tiers: Sequence[Any] | None, fallbacks: Any = ()
) -> Ladder:
    """Build the ladder from `small` and `frontier` or from `tiers`, and from the fallbacks.

    Raises:
        ConfigurationError: Both forms are given, too few tiers, or something that is no tier.
    """
    beside = _fallbacks(fallbacks)
    if tiers is not None:
        if small is not None or frontier is not None:
            raise ConfigurationError("Give either small= and frontier=, or tiers=[...], not both.")
        if isinstance(tiers, str) or not isinstance(tiers, Sequence):
            raise ConfigurationError("tiers= takes a list of Tier(model, name), cheapest first.")
        rungs = [_tier(given, f"tiers[{place}]") for place, given in enumerate(tiers)]
        return Ladder(rungs, beside)
    for name, given in (("small", small), ("frontier", frontier)):
        if given is None:
            raise ConfigurationError(
                f"{name}= is missing. Write AsymRouter(small=ChatOllama(...), "
                "frontier=ChatOpenAI(...)), or AsymRouter.from_env() to take what is to be had here."
            )
    pair = (_tier(small, "small").named("small"), _tier(frontier, "frontier").named("frontier"))
    return Ladder(pair, beside)


def _fallbacks(given: Any) -> list[Tier]:
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise ConfigurationError(
            "fallbacks= takes a list of chat models or tiers, asked in order where the last tier "
            "fails: [ChatOpenAI(model='gpt-4.1'), ...]."
        )
    return [
        _tier(each, f"fallbacks[{place}]").named(f"fallback{place + 1}")
        for place, each in enumerate(given)
    ]


def _tier(given: Any, where: str) -> Tier:
    if isinstance(given, Tier):
        return given
    if isinstance(given, str | BaseChatModel):
        return Tier(given)
    raise ConfigurationError(
        f"{where} is a {type(given).__name__}; give a chat model, a model string such as "
        "'ollama:llama3.1:8b', or a Tier. Tools and schemas are bound on the router."
    )


def scorer_of(
    classify: Any, deadline: float | None, ladder: Ladder, languages: Sequence[str] | None = None
) -> Scorer:
    """What asks the classifier that a user named or gave; for `None` one that nobody asks.

    Args:
        classify: What the user gave.
        deadline: Seconds that it may take, or `None`.
        ladder: The tiers.
        languages: The languages of the keyword rule (ISO 639-1 codes); `None` for all that there are
            words for.

    Raises:
        ConfigurationError: There is no such classifier, no keyword rule for the languages to go by,
            or the deadline is not positive.
    """
    keyword = _keyword_rule(classify, languages)
    if deadline is not None and not deadline > 0:
        raise ConfigurationError(
            f"classify_deadline={deadline} must be a positive number of seconds, or None."
        )
    if classify == "keyword":
        return Scorer(keyword, deadline)
    if classify is None:
        return Scorer(none, deadline)
    if classify == "judge":
        # The cheapest model that is at hand judges; its fall-back is the keyword rule.
        small = ladder[0]
        judge = JudgeClassifier(chat=small.model, deadline=deadline, breaker=small.breaker)
        return Scorer(judge, deadline)
    if classify in ("default", "learned"):
        from lc_asym_router.classify.learned_classifier import LearnedClassifier

        # The rows that it has learned from hold no request to refactor or debug: the article's words
        # speak for those.
        words = keyword if classify == "default" else None
        return Scorer(LearnedClassifier(words=words), deadline)
    if classify == "embedding":
        from lc_asym_router.classify.embedding import EmbeddingClassifier

        return Scorer(EmbeddingClassifier(), deadline)
    if isinstance(classify, str):
        raise ConfigurationError(
            f"There is no classifier {classify!r}; there are {', '.join(CLASSIFIERS)}, or give a "
            "decision model or a callable messages -> float in [0, 1]."
        )
    return Scorer(classify, deadline)


def none(messages: Sequence[Any]) -> float:
    """The classifier of a router that asks none: everything is for the first tier."""
    return 0.0


def _keyword_rule(classify: Any, languages: Sequence[str] | None) -> KeywordClassifier:
    """The keyword rule of some languages.

    Raises:
        ConfigurationError: There are no words for one, or no keyword rule in the classifier.
    """
    if languages is None:
        return KeywordClassifier()
    if isinstance(languages, str) or not languages:
        raise ConfigurationError(
            f"languages={languages!r} takes a list of ISO 639-1 codes, such as ['en', 'de']; leave it "
            "out for all that there are words for."
        )
    if classify not in ("default", "keyword"):
        raise ConfigurationError(
            "languages= are those of the keyword rule, which is part of classify='default' and "
            "'keyword'. Give words to your own classifier: LearnedClassifier(words=...), "
            "KeywordClassifier.for_languages('en', 'de')."
        )
    return KeywordClassifier.for_languages(*languages)


def calibration_of(threshold: Any, scorer: Scorer) -> Calibration | None:
    """Load the calibration that a user gave as the threshold, or its path; `None` for a number.

    Raises:
        ConfigurationError: It can't be read, or it was made with another classifier.
    """
    if isinstance(threshold, str | PathLike):
        threshold = Calibration.load(threshold)
    if not isinstance(threshold, Calibration):
        return None
    if threshold.classifier != scorer.name:
        raise ConfigurationError(
            f"The calibration is for the classifier {threshold.classifier!r}, and this router's is "
            f"{scorer.name!r}: their scores don't mean the same. Calibrate this router."
        )
    return threshold


def calibrated(check: Check | None, calibration: Calibration | None) -> Check | None:
    """Apply a calibration's thresholds to the check.

    Raises:
        ConfigurationError: The calibration is for a check that is not there.
    """
    if calibration is None:
        return check
    names = {part.name for part in check.parts} if check else set()
    if missing := sorted(set(calibration.checks) - names):
        raise ConfigurationError(
            f"The calibration holds a threshold for the check {', '.join(missing)}, which this "
            "router does not make. Give it the verify= that was calibrated, or calibrate this one."
        )
    return check.with_thresholds(calibration.checks) if check else None


def thresholds_of(threshold: Any, scorer: Scorer, ladder: Ladder) -> tuple[float, ...]:
    """Return the thresholds, one or one for each step up; `None` takes the classifier's own.

    Raises:
        ConfigurationError: One lies outside [0, 1], or a list has the wrong length or order.
    """
    if threshold is None:
        return (scorer.threshold,)
    if not isinstance(threshold, list | tuple):
        return (check_threshold(threshold, "threshold"),)
    thresholds = tuple(check_threshold(t, f"threshold[{i}]") for i, t in enumerate(threshold))
    if len(thresholds) != len(ladder) - 1 or list(thresholds) != sorted(thresholds):
        raise ConfigurationError(
            f"threshold={threshold!r}: a list has one number for each step up, ascending: "
            f"{len(ladder) - 1} for {len(ladder)} tiers."
        )
    return thresholds


def budgets_of(given: Any) -> tuple[Budget, ...]:
    """Validate the budgets that a user gave.

    Raises:
        ConfigurationError: One is no `Budget`, or two have the same key in a store.
    """
    if isinstance(given, Budget):
        given = [given]
    if not isinstance(given, Sequence) or not all(isinstance(each, Budget) for each in given):
        raise ConfigurationError("budgets= takes a list: [Budget(usd=5, per='day')].")
    keys = [
        (each.store, each.key(unit, each.tag or "", utc_now()))
        for each in given
        for unit in UNITS
        if each.limit(unit) is not None and each.per != "request"
    ]
    if len(set(keys)) < len(keys):
        raise ConfigurationError(
            "Two budgets have one name and one unit, so each call would count twice. Name them: "
            "Budget(usd=4, name='soft'), Budget(usd=5, name='hard')."
        )
    return tuple(given)


def hedge_of(given: bool | float, budgets: Sequence[Budget]) -> bool | float:
    """Resolve after how many seconds the next tier is called beside a late one.

    Raises:
        ConfigurationError: It is no time, or there are budgets, which count one call after another.
    """
    if given is False:
        return False
    if given is not True and not given > 0:
        raise ConfigurationError(
            f"hedge={given!r} is True (the tier's own 95th percentile) or a time over 0 seconds."
        )
    if budgets:
        raise ConfigurationError(
            "hedge= makes two calls at once for one answer, and budgets= would not let it: leave "
            "one of them out."
        )
    return given if given is True else bounded(given)


def budgeted(ladder: Ladder, budgets: Sequence[Budget]) -> Ladder:
    """Return the tiers with limits on their output tokens: then a call's maximum cost is known.

    Raises:
        ConfigurationError: A tier's price is not known under a budget in USD, or nothing limits its
            output tokens.
    """
    if not budgets:
        return ladder
    limits = [each.max_output_tokens for each in budgets if each.max_output_tokens is not None]
    paid = any(each.usd is not None for each in budgets)
    counted = any(each.tokens is not None for each in budgets)

    def adapted(tier: Tier) -> Tier:
        rate = tier.rate
        if paid and (rate is None or rate.most(1, 1, 1.0) is None):
            raise ConfigurationError(
                f"The price of the tier {tier.name!r} ({tier.model_name}) is not known, and a "
                "budget in USD must know it. Declare it: Tier(model, price=Price(input, output)) in "
                "USD per million tokens; price=PerCall(0) for a model that costs nothing."
            )
        needed = counted or (paid and rate is not None and by_output(rate))
        return limited(tier, min(limits, default=None)) if needed else tier

    return ladder.mapped(adapted)


def tried_once(ladder: Ladder) -> Ladder:
    """Return the tiers with their clients' own retries turned off: the router retries instead."""

    def adapted(tier: Tier) -> Tier:
        model = without_own_retries(tier.model)
        return tier if model is tier.model else tier.with_model(model)

    return ladder.mapped(adapted)


def with_parameters(ladder: Ladder, output_version: str | None, **parameters: Any) -> Ladder:
    """Return the tiers with parameters set on their models, under each provider's own name.

    A tier whose model refuses one keeps its own; the record of its attempts says so.

    Args:
        ladder: The tiers.
        output_version: LangChain's setting of that name, for models that have it.
        **parameters: `temperature`, `max_tokens`; `None` leaves a model's own.
    """
    given = {name: value for name, value in parameters.items() if value is not None}

    def adapted(tier: Tier) -> Tier:
        update, dropped = settings(tier.model, given)
        if output_version is not None and "output_version" in type(tier.model).model_fields:
            update["output_version"] = output_version
        if update:
            tier = tier.with_model(tier.model.model_copy(update=update))
        return tier.without_parameters(dropped) if dropped else tier

    return ladder.mapped(adapted)


def counted_in_streams(ladder: Ladder, budgets: Sequence[Budget]) -> Ladder:
    """Return the tiers with token counts in their streams, where a price or budget needs them.

    A client that asks for them by itself, as Azure's does, gets the same fall-back for servers that
    refuse to be asked.
    """

    def adapted(tier: Tier) -> Tier:
        asks_anyway = getattr(tier.model, "stream_usage", None) is True
        if tier.rate is None and not budgets and not asks_anyway:
            return tier
        model = asking_for_usage(tier.model)
        return tier if model is tier.model else tier.with_model(model)

    return ladder.mapped(adapted)


def limited(tier: Tier, most: int | None) -> Tier:
    """Return the tier with a limit on its model's output tokens, where the model has none.

    Args:
        tier: The tier.
        most: The limit, in tokens.

    Raises:
        ConfigurationError: There is no limit to set, or the model has no setting for it.
    """
    if model_limit(tier.model) is not None:
        return tier
    what = f"The tier {tier.name!r} ({tier.model_name}) has no limit on its output, and a budget"
    if most is None:
        raise ConfigurationError(
            f"{what} must know the most that a call can cost. Set max_tokens (Ollama: num_predict) "
            "on its model, or Budget(max_output_tokens=...)."
        )
    key = next((key for key in LIMITS[::-1] if key in type(tier.model).model_fields), None)
    if key is None:
        raise ConfigurationError(
            f"{what} can't set one: its model has no {', '.join(LIMITS)}. Limit the model itself, "
            "under one of these names."
        )
    return tier.with_model(tier.model.model_copy(update={key: most}))


def check_plain(router: Any) -> None:
    """Check the settings of a router that need nothing else to be known.

    Raises:
        ConfigurationError: One of them is invalid.
    """
    for setting in ("cache", "rate_limiter"):
        if getattr(router, setting) is not None:
            raise ConfigurationError(
                f"Set {setting}= on the tiers' models: the router asks several, and a routed "
                "answer is no single model's."
            )
    if router.small_attempts < 1:
        raise ConfigurationError(f"small_attempts={router.small_attempts} must be at least 1.")
    if router.stall_steps is not None and router.stall_steps < 2:
        raise ConfigurationError(
            f"stall_steps={router.stall_steps} must be at least 2 steps, or None to let an agent's "
            "turn go on whatever its steps bring."
        )
