"""The page in the docs says what the registry says."""

from pathlib import Path

from lc_asym_router.tiers.providers.__main__ import page
from lc_asym_router.tiers.providers.description import STANDARD
from lc_asym_router.tiers.providers.registry import PROVIDERS


def test_the_page_is_what_the_registry_prints() -> None:
    written = Path(__file__).parents[3] / "docs" / "guides" / "providers.md"
    assert written.read_text() == page(), "run python -m lc_asym_router.tiers.providers"


def test_parameters_and_own_settings_do_not_overlap() -> None:
    for provider in PROVIDERS:
        assert set(provider.parameters) <= set(STANDARD)
        assert not provider.own & set(STANDARD), provider.name
