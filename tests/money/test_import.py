"""Money costs nothing until it is used."""

from __future__ import annotations

import pytest

from tests.behaviour.test_import import loaded_by

HEAVY = {"sqlalchemy", "alembic", "psycopg", "pandas", "genai_prices", "platformdirs", "numpy"}


@pytest.mark.full
def test_importing_the_ledger_loads_no_database():
    names = "AsymRouter, Ledger, PerCall, PerSecond, Power, Price, Tier"
    assert not HEAVY & loaded_by(f"from lc_asym_router import {names}; import lc_asym_router.shell")
