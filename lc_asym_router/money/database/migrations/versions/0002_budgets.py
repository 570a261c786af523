"""Budgets: what is spent, and what calls under way have reserved.

A migration is never changed once it has shipped: a later form of the tables is a later file.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "asym_budgets",
        sa.Column("key", sa.String(240), primary_key=True),
        sa.Column("spent", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.Double, nullable=False),
    )
    op.create_table(
        "asym_reservations",
        sa.Column("id", sa.String(80), primary_key=True),
        sa.Column("key", sa.String(240), primary_key=True),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("holder", sa.String(120), nullable=False),
    )
    op.create_index("asym_reservations_key", "asym_reservations", ["key"])


def downgrade() -> None:
    """Drop them."""
    for table in ("asym_reservations", "asym_budgets"):
        op.drop_table(table)
