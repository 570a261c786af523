"""An adversary's properties: random scripts, through every face, side by side, left half-way.

A failed draft is written in Cherokee, which nothing else here is: one letter of it in anything that
a caller saw is a leak, however the text was cut into chunks.
"""

import pytest

# Their asserts, too, tell the values that they saw.
_ASSERT = ("cases", "faces", "judging", "parents", "running", "seen", "world")
pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in _ASSERT))
