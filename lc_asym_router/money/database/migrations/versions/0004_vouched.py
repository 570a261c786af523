"""Requests know what their answers were vouched for by; of older ones that is not known.

A migration is never changed once it has shipped: a later form of the tables is a later file.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("asym_requests", sa.Column("vouched", sa.String(16)))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("asym_requests", "vouched")
