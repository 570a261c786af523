"""Ollama, through ChatOllama."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.language_models import BaseChatModel

from lc_asym_router.tiers.providers.description import Provider, Wanted, same_names

OPTIONS = frozenset(
    {
        "mirostat",
        "mirostat_eta",
        "mirostat_tau",
        "num_ctx",
        "num_gpu",
        "num_thread",
        "num_predict",
        "num_keep",
        "num_batch",
        "main_gpu",
        "repeat_last_n",
        "repeat_penalty",
        "temperature",
        "seed",
        "stop",
        "tfs_z",
        "typical_p",
        "min_p",
        "top_k",
        "top_p",
        "presence_penalty",
        "frequency_penalty",
        "penalize_newline",
    }
)
"""Names that stand under `options` in Ollama's own API."""


def _refused(model: BaseChatModel, wanted: Wanted) -> frozenset[str]:
    """Only gpt-oss takes a level of effort; to a model that can't think, any is an error. OpenAI's
    `reasoning` is an object, Ollama's a switch."""
    name = str(getattr(model, "model", ""))
    refused = frozenset[str]() if "gpt-oss" in name else frozenset({"reasoning_effort"})
    return refused | {"reasoning"} if isinstance(wanted.get("reasoning"), Mapping) else refused


def _arranged(model: BaseChatModel, arguments: dict[str, Any]) -> dict[str, Any]:
    """Options where ChatOllama wants them: it raises TypeError for one beside them.

    Options of a call replace the model's own, so these are put in again; a dict of options that the
    caller gave replaces them, as in ChatOllama.
    """
    given = {key: arguments.pop(key) for key in list(arguments) if key in OPTIONS}
    response_format = arguments.pop("response_format", None)
    if isinstance(response_format, dict) and response_format.get("type") == "json_schema":
        arguments["format"] = response_format["json_schema"]["schema"]
    elif response_format is not None:
        arguments["format"] = "json"
    if not given:
        return arguments
    own = {key: getattr(model, key, None) for key in OPTIONS}
    before = arguments.get("options") or {k: v for k, v in own.items() if v is not None}
    return {**arguments, "options": {**before, **given}}


OLLAMA = Provider(
    name="ollama",
    title="Ollama",
    clients=("langchain_ollama.ChatOllama",),
    parameters=same_names(
        "n", "logit_bias", max_tokens="num_predict", reasoning_effort="reasoning"
    ),
    own=(OPTIONS | {"options", "keep_alive", "format", "reasoning"})
    - {"temperature", "seed", "stop", "top_k", "top_p", "presence_penalty", "frequency_penalty"},
    refused=_refused,
    arranged=_arranged,
    written_as=frozenset({"ollama"}),
    # Many models' chat templates refuse, or drop, a system message that is not the first.
    late_system=False,
    inputs=frozenset({"image"}),
    image_urls=False,
    rich_tool_results=True,
    result_blocks=frozenset(),
    plain_call_names=False,
    keeps_tool_choice_none=False,
    # "load": the model was loaded, and nothing was generated.
    failed_ends=frozenset({"load", "unload"}),
    notes="No tool_choice: with `none` no tool is bound. reasoning_effort for gpt-oss alone.",
)
