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

A tier of a class that is in no row here gets the standard parameters as they are and those that its
class declares; its entries say `unknown_class`.

"""


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
    yield "## Ends, errors, histories"
    yield ""
    yield from _table(
        "Provider",
        "A whole answer says why it ended",
        "Further ends that are errors",
        "Tokens in streams",
        "A late system message",
        "Images by address",
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
        "yes" if provider.image_urls else "refused",
        "yes" if provider.rich_tool_results else "in a message behind",
        "sent" if provider.keeps_tool_choice_none else "no tool is bound",
    ]


def _notes() -> Iterator[str]:
    yield "## Notes"
    yield ""
    for provider in (*PROVIDERS, UNKNOWN):
        yield f"- {provider.title}: {provider.notes}"


if __name__ == "__main__":
    print(page(), end="")
