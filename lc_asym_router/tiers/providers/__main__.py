"""Print docs/guides/providers.md: ``python -m lc_asym_router.tiers.providers``."""

from __future__ import annotations

from collections.abc import Iterator

from lc_asym_router.tiers.providers.description import GAVE_UP, STANDARD, Provider
from lc_asym_router.tiers.providers.registry import PROVIDERS, UNKNOWN

_HEAD = """\
# Provider by provider, what is known

This page is printed from the registry by `python -m lc_asym_router.tiers.providers`; a test fails
where the two differ.

A call's standard parameters (`router.invoke(..., temperature=0)`, `router.bind(...)`, an agent's
`model_settings`, the router's own `temperature`, `max_tokens` and `stop`) go to each tier under its
provider's own name. What a provider, or the one model of it, does not take is left out, and the
attempt's entry in the record names it under `dropped_parameters`. An argument that nobody knows is an
`InvalidRequestError` before any tier is asked. A provider's own settings (`num_ctx`, `service_tier`,
...) reach that provider alone.

What stands here was read in the sources of the clients (langchain-openai 1.7, langchain-ollama 1.1,
langchain-anthropic 1.7, langchain-google-genai 4.4, langchain-mistralai 1.1, langchain-deepseek 1.1,
langchain-groq 1.1, langchain-xai 1.3) and is tested with each of them against a scripted server of its
own wire format. No provider's live service was asked, so what a model refuses is as its client and its
profile say.

A tier of a class that is in no row here gets the standard parameters as they are and those that its
class declares; its entries say `unknown_class`.

"""

_ENDS = """\
## Ends, errors, histories

An answer is a failed call, whoever gave it, where its end did not come; where it ended with a word
such as `error`, `abort`, `cancelled`, `failed` or `timeout`, with one that has such a word in it
(`engine_overloaded`), or with one of the table's; and, of a tier
whose answers nobody checks, where it is empty, withheld, cut off before any text, or a tool call that
can't be read. With nobody left to ask such an answer is handed on, and its entry says what it is. What
a reader of a stream has seen can't be replaced.

An error is the same one as a status, inside a stream, or as the body of a 200. Several clients throw
such a body away and raise a `KeyError` or nothing at all; so the router keeps the end of each body
while a call runs, and names the error that stands in it (`ResponseBodyError`).

A tier that can't carry a request's images, audio, files or video is ruled out before it is called, and
the decision's reason says so; with nobody left that is a `NoTierError`. What `Tier(inputs=...)` says
counts first, then the model's profile, then the table. A block in one provider's own form reaches
another in a form that it reads. In a history refusals, calls that could not be read, and functions of
OpenAI's first form stand in a form that every provider takes; characters in a tool's name that it
refuses become `_`; and Anthropic and Gemini get a human message before an answer that a conversation
begins with."""


def page() -> str:
    """The page, in Markdown."""
    return _HEAD + "\n".join([*_parameters(), "", *_facts(), "", *_notes()]) + "\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _table(*heads: str) -> list[str]:
    return [_row(*heads), _row(*("---" for _ in heads))]


def _parameters() -> Iterator[str]:
    yield "## Parameters"
    yield ""
    yield from _table("Provider", *(f"`{name}`" for name in STANDARD))
    for provider in (*PROVIDERS, UNKNOWN):
        named = (provider.parameters.get(name) for name in STANDARD)
        yield _row(provider.title, *(f"`{name}`" if name else "-" for name in named))


def _facts() -> Iterator[str]:
    yield from _ENDS.splitlines()
    yield ""
    yield from _table(
        "Provider",
        "A whole answer says why it ended",
        "Further ends that are errors",
        "Tokens in streams",
        "A late system message",
        "Besides text",
        "Images by address",
        "Files by address",
        "Images in tool results",
        '`tool_choice="none"`',
    )
    for provider in (*PROVIDERS, UNKNOWN):
        yield _row(provider.title, *_facts_of(provider))


def _facts_of(provider: Provider) -> list[str]:
    return [
        "yes" if provider.marks_end else "not known",
        ", ".join(f"`{end}`" for end in sorted(provider.failed_ends - GAVE_UP)) or "-",
        "asked for" if provider.asks_for_usage else "by its client",
        "as it is" if provider.late_system else "joins the first",
        _inputs(provider),
        "yes" if provider.image_urls else "refused",
        "yes" if provider.file_urls else "refused",
        "yes" if provider.rich_tool_results else "in a message behind",
        "sent" if provider.keeps_tool_choice_none else "no tool is bound",
    ]


def _inputs(provider: Provider) -> str:
    """What a message may hold besides text, the usual first."""
    if provider.inputs is None:
        return "not known"
    return ", ".join(
        each for each in ("image", "audio", "pdf", "video", "file") if each in provider.inputs
    )


def _notes() -> Iterator[str]:
    yield "## Notes"
    yield ""
    for provider in (*PROVIDERS, UNKNOWN):
        yield f"- {provider.title}: {provider.notes}"


if __name__ == "__main__":
    print(page(), end="")
