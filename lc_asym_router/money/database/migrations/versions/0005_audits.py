"""Counts of audits: what was drawn with which probability, and what was found.

A migration is never changed once it has shipped: a later form of the tables is a later file.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "asym_audits",
        sa.Column("by", sa.String(16), primary_key=True),
        sa.Column("value", sa.String(240), primary_key=True),
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("phase", sa.String(16), primary_key=True),
        sa.Column("probability", sa.Double, primary_key=True),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("drawn", sa.BigInteger, nullable=False),
        sa.Column("compared", sa.BigInteger, nullable=False),
        sa.Column("differs", sa.BigInteger, nullable=False),
        sa.Column("judged", sa.BigInteger, nullable=False),
        sa.Column("worse", sa.BigInteger, nullable=False),
        sa.Column("cost_nano", sa.BigInteger, nullable=False),
        sa.Column("unpriced", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("asym_audits")
