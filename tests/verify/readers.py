"""Every public function that reads what a model wrote, as a function of one text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from inspect import getmembers, isfunction
from types import ModuleType
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage

from lc_asym_router import Attempt
from lc_asym_router._internal import schemas
from lc_asym_router.records.bindings import ToolBinding
from lc_asym_router.records.request import Request
from lc_asym_router.verify import (
    Arithmetic,
    Check,
    CutOff,
    GroundedArguments,
    Looping,
    MatchesSchema,
    NotEmpty,
    ParsesAsJSON,
    Refusal,
    ValidStructure,
    ValidToolCalls,
    answer_features,
    text_checks,
    working,
)
from lc_asym_router.verify.answers import (
    algebra,
    arithmetic,
    calls,
    choices,
    comparing,
    dates,
    exact,
    final_answer,
    formulas,
    languages,
    marked,
    numerals,
    programs,
    structured_values,
    texts,
    units,
    values,
)
from lc_asym_router.verify.answers.final_answer import FinalAnswer

MODULES = (
    algebra, calls, choices, comparing, final_answer, formulas, languages, marked, units, dates,
    numerals, programs, structured_values, arithmetic, values, texts, answer_features, text_checks,
    working,
)  # fmt: skip
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
SCHEMA = {"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"type": "integer"}}}
DOCUMENTED = (algebra.NoFormula, schemas.SchemaError)


def two(function: Callable[[str, str], Any]) -> Callable[[str], Any]:
    """A function of two texts, on one and its beginning."""
    return lambda text: function(text, text[:-3])


def check(made: Check) -> Callable[[str], Any]:
    """A check of an answer to a question that both say the text."""

    def run(text: str) -> Any:
        request = Request((HumanMessage(text),), tools=ToolBinding((TOOL,)))
        return made(Attempt("small", "m", AIMessage(text), request))

    return run


def kinds(text: str) -> None:
    """Compares answers of each kind, made by hand."""
    for kind in ("number", "choice", "json", "literal", "formula", "moment", "text"):
        for other in ("number", "formula", "text"):
            short = text[:4000]
            comparing.same(FinalAnswer(kind, short, short), FinalAnswer(other, short[:-3], short))


def agree(text: str) -> None:
    """Compares two answers to a question."""
    comparing.agree(text, final_answer.final_answer(text), final_answer.final_answer(text[:-3]))


def reading(text: str) -> None:
    """The learned verifier's view of two answers."""
    one, other = answer_features.read_answer(text), answer_features.read_answer(text[:-3])
    answer_features.answer_features(text, one)
    answer_features.second_features(text, one, other)


def arguments(text: str) -> None:
    """Calls with the text in their arguments."""
    one, other = (
        [{"name": "f", "args": {"x": said, text[:9]: [said]}}] for said in (text, text[1:])
    )
    calls.same_calls(one, other, [TOOL])


def grounded(text: str) -> None:
    """A call whose arguments are the text's end, in a request that is its beginning."""
    made = AIMessage(
        "", tool_calls=[{"name": "f", "args": {"x": text[-99:], text[:9]: 3}, "id": "1"}]
    )
    request = Request((HumanMessage(text),), tools=ToolBinding((TOOL,)))
    GroundedArguments()(Attempt("small", "m", made, request))


def exactly(text: str) -> None:
    """A number of bounded size."""
    with suppress(ValueError, exact.TooLarge):
        exact.fraction_of(text)


READERS: dict[str, Callable[[str], Any]] = {
    "algebra.variables_of": algebra.variables_of,
    "algebra.value_at": lambda text: algebra.value_at(text, {"x": 0.5, "a": 2.0}),
    "algebra.point": lambda text: algebra.point(text[:9], 1),
    "calls.call_keys": arguments,
    "calls.same_calls": arguments,
    "choices.choice_of": choices.choice_of,
    "choices.concluded": choices.concluded,
    "choices.is_listing": two(choices.is_listing),
    "marked.offers_another": marked.offers_another,
    "choices.options_of": choices.options_of,
    "comparing.agree": agree,
    "comparing.asks_for_output": comparing.asks_for_output,
    "comparing.same": kinds,
    "exact.fraction_of": exactly,
    "answer_features.answer_features": reading,
    "answer_features.read_answer": answer_features.read_answer,
    "answer_features.second_features": reading,
    "final_answer.final_answer": final_answer.final_answer,
    "final_answer.marked_output": final_answer.marked_output,
    "formulas.equal": two(formulas.equal),
    "formulas.members": formulas.members,
    "formulas.plain_formula": formulas.plain_formula,
    "text_checks.loops": text_checks.loops,
    "languages.in_english": languages.in_english,
    "marked.answers_parts": marked.answers_parts,
    "marked.boxed": marked.boxed,
    "marked.conclusion": marked.conclusion,
    "marked.corrected": marked.corrected,
    "marked.emphasised": two(marked.emphasised),
    "marked.first_sentence": marked.first_sentence,
    "marked.heads": lambda text: list(marked.heads(text)),
    "marked.is_title": marked.is_title,
    "marked.lead": marked.lead,
    "marked.marked": marked.marked,
    "marked.answer_sentences": marked.answer_sentences,
    "marked.without_markup": marked.without_markup,
    "marked.without_thoughts": marked.without_thoughts,
    "units.conflict": two(lambda one, other: units.conflict(one, "1", other, "1")),
    "units.in_one_unit": units.in_one_unit,
    "units.in_percent": units.in_percent,
    "units.known_unit": units.known_unit,
    "units.measures": units.measures,
    "units.whole_measure": units.whole_measure,
    "dates.moment": dates.moment,
    "dates.relative": lambda text: dates.relative(days=len(text)),
    "dates.without_points": dates.without_points,
    "dates.same_moments": two(dates.same_moments),
    "numerals.close": two(numerals.close),
    "numerals.fraction": numerals.fraction,
    "numerals.number_text": numerals.number_text,
    "numerals.plain_numbers": numerals.plain_numbers,
    "numerals.scaled_money": numerals.scaled_money,
    "numerals.spelled": numerals.spelled,
    "numerals.western": numerals.western,
    "programs.begins_bare": programs.begins_bare,
    "programs.printed_in": programs.printed_in,
    "programs.program_in": programs.program_in,
    "programs.without_programs": programs.without_programs,
    "text_checks.begins_with_refusal": text_checks.begins_with_refusal,
    "text_checks.no_tool_fits": text_checks.no_tool_fits,
    "schemas.conform": lambda text: schemas.conform(schemas.parse_json(text), SCHEMA),
    "schemas.could_be_json": schemas.could_be_json,
    "schemas.parse_json": schemas.parse_json,
    "schemas.too_deep": schemas.too_deep,
    "structured_values.answer_field": lambda text: structured_values.answer_field({"answer": text}),
    "structured_values.begins_json": structured_values.begins_json,
    "structured_values.broken_field": structured_values.broken_field,
    "structured_values.data_in": structured_values.data_in,
    "structured_values.lenient": structured_values.lenient,
    "structured_values.literal_text": lambda text: structured_values.literal_text({text: [text]}),
    "structured_values.normalized_data": lambda text: structured_values.normalized_data(
        {text: [text]}
    ),
    "arithmetic.arithmetic": arithmetic.arithmetic,
    "arithmetic.worked_out": arithmetic.worked_out,
    "values.bare": values.bare,
    "values.denied": values.denied,
    "values.unsaid": values.unsaid,
    "values.undressed": values.undressed,
    "values.value_of": values.value_of,
    "texts.items": texts.items,
    "texts.known_words": texts.known_words,
    "texts.opposed": lambda text: texts.opposed(text.split(), text[:-3].split()),
    "texts.same_texts": two(texts.same_texts),
    "texts.stem": texts.stem,
    "texts.words": texts.words,
    "working.cut": working.cut,
    "working.doubts": working.doubts,
    "working.hedges": working.hedges,
    "working.numbers": working.numbers,
    "working.repetition": working.repetition,
    "working.squeezed": working.squeezed,
    "working.statements": lambda text: working.statements(text, 100),
    "working.steps": working.steps,
    "working.wrong": lambda text: working.wrong(float(len(text)), 1.0),
    "Arithmetic": check(Arithmetic()),
    "GroundedArguments": grounded,
    "CutOff": check(CutOff()),
    "Looping": check(Looping()),
    "MatchesSchema": check(MatchesSchema(SCHEMA)),
    "NotEmpty": check(NotEmpty()),
    "ParsesAsJSON": check(ParsesAsJSON()),
    "Refusal": check(Refusal()),
    "ValidStructure": check(ValidStructure()),
    "ValidToolCalls": check(ValidToolCalls()),
}


def public_functions(modules: Iterable[ModuleType] = MODULES) -> set[str]:
    """The names of all public functions that the modules define."""
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}"
        for module in modules
        for name, function in getmembers(module, isfunction)
        if not name.startswith("_") and function.__module__ == module.__name__
    }
