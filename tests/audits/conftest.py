"""Databases of either kind, as the tests of money have them."""

from tests.money.conftest import postgres as postgres
from tests.money.conftest import url as url
