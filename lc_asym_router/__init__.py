"""A LangChain chat model that asks the smallest competent model, checks, and escalates.

The public names are loaded when they are first asked for; providers, servers and data come later
still, when they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lc_asym_router._internal.display import register_renderers
from lc_asym_router._internal.imports import __version__ as __version__
from lc_asym_router._internal.imports import lazy_exports, public_names

if TYPE_CHECKING:
    from lc_asym_router.audits.audit import Audit as Audit
    from lc_asym_router.classify.cached import DecisionCache as DecisionCache
    from lc_asym_router.classify.calibration import Calibration as Calibration
    from lc_asym_router.classify.judge_classifier import JudgeClassifier as JudgeClassifier
    from lc_asym_router.classify.keyword import KeywordClassifier as KeywordClassifier
    from lc_asym_router.classify.kind_classifier import KindClassifier as KindClassifier
    from lc_asym_router.classify.learned_classifier import LearnedClassifier as LearnedClassifier
    from lc_asym_router.decompose.chat_planner import ChatPlanner as ChatPlanner
    from lc_asym_router.decompose.decomposer import Decomposer as Decomposer
    from lc_asym_router.decompose.gate import Gate as Gate
    from lc_asym_router.decompose.plan import Plan as Plan
    from lc_asym_router.decompose.plan import Step as Step
    from lc_asym_router.errors import BudgetExceededError as BudgetExceededError
    from lc_asym_router.errors import ConfigurationError as ConfigurationError
    from lc_asym_router.errors import InvalidRequestError as InvalidRequestError
    from lc_asym_router.errors import NoTierError as NoTierError
    from lc_asym_router.errors import PlanError as PlanError
    from lc_asym_router.errors import RouterError as RouterError
    from lc_asym_router.errors import TiersFailedError as TiersFailedError
    from lc_asym_router.errors import UnverifiedError as UnverifiedError
    from lc_asym_router.graph.context import RouterContext as RouterContext
    from lc_asym_router.money.budgets.budget import Budget as Budget
    from lc_asym_router.money.budgets.budget import Exhausted as Exhausted
    from lc_asym_router.money.budgets.store import BudgetStore as BudgetStore
    from lc_asym_router.money.ledger.handler import Ledger as Ledger
    from lc_asym_router.money.prices import PerCall as PerCall
    from lc_asym_router.money.prices import PerSecond as PerSecond
    from lc_asym_router.money.prices import Power as Power
    from lc_asym_router.money.prices import Price as Price
    from lc_asym_router.observe.drift import DriftWatch as DriftWatch
    from lc_asym_router.observe.logs import RequestLog as RequestLog
    from lc_asym_router.observe.otel import OpenTelemetry as OpenTelemetry
    from lc_asym_router.records.trail import Decision as Decision
    from lc_asym_router.router.middleware import AsymRouterMiddleware as AsymRouterMiddleware
    from lc_asym_router.router.router import AsymRouter as AsymRouter
    from lc_asym_router.router.spec import RouterSpec as RouterSpec
    from lc_asym_router.router.spec import TierSpec as TierSpec
    from lc_asym_router.tiers.faults.breaker import Breaker as Breaker
    from lc_asym_router.tiers.faults.retry import Retry as Retry
    from lc_asym_router.tiers.tier import Tier as Tier
    from lc_asym_router.verify.agreement import Agreement as Agreement
    from lc_asym_router.verify.attempt import Attempt as Attempt
    from lc_asym_router.verify.attempt import Verdict as Verdict
    from lc_asym_router.verify.check import Check as Check
    from lc_asym_router.verify.defaults import default_checks as default_checks
    from lc_asym_router.verify.form import Arithmetic as Arithmetic
    from lc_asym_router.verify.judge_check import Judge as Judge
    from lc_asym_router.verify.judge_check import SelfVerification as SelfVerification
    from lc_asym_router.verify.learned_check import LearnedVerifier as LearnedVerifier
    from lc_asym_router.verify.second import Joint as Joint
    from lc_asym_router.verify.vote import Vote as Vote

_HOMES = {
    "Agreement": ".verify.agreement",
    "Arithmetic": ".verify.form",
    "AsymRouter": ".router.router",
    "AsymRouterMiddleware": ".router.middleware",
    "Attempt": ".verify.attempt",
    "Audit": ".audits.audit",
    "Breaker": ".tiers.faults.breaker",
    "Budget": ".money.budgets.budget",
    "BudgetExceededError": ".errors",
    "BudgetStore": ".money.budgets.store",
    "Calibration": ".classify.calibration",
    "ChatPlanner": ".decompose.chat_planner",
    "Check": ".verify.check",
    "ConfigurationError": ".errors",
    "Decision": ".records.trail",
    "DecisionCache": ".classify.cached",
    "Decomposer": ".decompose.decomposer",
    "DriftWatch": ".observe.drift",
    "Exhausted": ".money.budgets.budget",
    "Gate": ".decompose.gate",
    "InvalidRequestError": ".errors",
    "Joint": ".verify.second",
    "Judge": ".verify.judge_check",
    "JudgeClassifier": ".classify.judge_classifier",
    "KeywordClassifier": ".classify.keyword",
    "KindClassifier": ".classify.kind_classifier",
    "LearnedClassifier": ".classify.learned_classifier",
    "LearnedVerifier": ".verify.learned_check",
    "Ledger": ".money.ledger.handler",
    "NoTierError": ".errors",
    "OpenTelemetry": ".observe.otel",
    "PerCall": ".money.prices",
    "PerSecond": ".money.prices",
    "Plan": ".decompose.plan",
    "PlanError": ".errors",
    "Power": ".money.prices",
    "Price": ".money.prices",
    "RequestLog": ".observe.logs",
    "Retry": ".tiers.faults.retry",
    "RouterContext": ".graph.context",
    "RouterError": ".errors",
    "RouterSpec": ".router.spec",
    "SelfVerification": ".verify.judge_check",
    "Step": ".decompose.plan",
    "Tier": ".tiers.tier",
    "TierSpec": ".router.spec",
    "TiersFailedError": ".errors",
    "UnverifiedError": ".errors",
    "Verdict": ".verify.attempt",
    "Vote": ".verify.vote",
    "default_checks": ".verify.defaults",
}

__all__ = public_names(_HOMES)

# The data stand below what draws them, so they learn its name here.
_NOTEBOOK = "lc_asym_router.notebook"
register_renderers(
    {
        "AsymRouter": f"{_NOTEBOOK}.report_display:router_html",
        "Comparison": f"{_NOTEBOOK}.record_display:comparison_html",
        "Decision": f"{_NOTEBOOK}.record_display:decision_html",
        "Explanation": f"{_NOTEBOOK}.record_display:explanation_html",
        "Record": f"{_NOTEBOOK}.record_display:record_html",
        "Report": f"{_NOTEBOOK}.report_display:report_html",
        "ShownGraph": f"{_NOTEBOOK}.report_display:graph_html",
        "router_svg": f"{_NOTEBOOK}.graph_drawing:router_svg",
        "watch": f"{_NOTEBOOK}.live_view:watch",
    }
)

__getattr__ = lazy_exports(__name__, _HOMES)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
