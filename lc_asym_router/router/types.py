"""Types of the router's settings, for editors and type checkers.

At runtime each is `Any`: settings are checked where they are resolved, with errors that say what to
do instead, and pydantic would copy or convert them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from langchain_core.decisions import BaseDecisionModel
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage
    from langgraph.cache.base import BaseCache

    from lc_asym_router.audits.audit import Audit
    from lc_asym_router.audits.shadow import Shadow
    from lc_asym_router.classify.cached import DecisionCache
    from lc_asym_router.classify.calibration import Calibration
    from lc_asym_router.money.budgets.budget import Budget
    from lc_asym_router.tiers.tier import Tier
    from lc_asym_router.verify.check import Check, CheckCallable

    Model = BaseChatModel | str | Tier
    Models = Sequence[Model]
    Score = Callable[[list[BaseMessage]], float] | Callable[[list[BaseMessage]], Awaitable[float]]
    Classifier = (
        Literal["default", "learned", "keyword", "judge", "embedding"]
        | BaseDecisionModel
        | Score
        | None
    )
    Question = Callable[[list[BaseMessage]], str] | str | tuple[str, str] | None
    Languages = Sequence[str] | None
    # A file's path is a `Path` to a type checker, so that it finds threshold="0.5".
    Threshold = float | Sequence[float] | Calibration | PathLike[str]
    OneCheck = Literal["form", "default", "vote", "strict"] | Check | CheckCallable | None
    Verify = OneCheck | Mapping[str, OneCheck]
    Budgets = Sequence[Budget] | Budget
    Cache = DecisionCache | BaseCache[Any]
    AuditSetting = Audit | None
    ShadowSetting = Shadow | bool | None
else:
    Model = Models = Classifier = Languages = Question = Threshold = Verify = Budgets = Cache = (
        AuditSetting
    ) = ShadowSetting = Any
