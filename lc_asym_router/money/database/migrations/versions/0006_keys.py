"""The gateway's keys, and what each was used for in the last minute.

A migration is never changed once it has shipped: a later form of the tables is a later file.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "asym_keys",
        sa.Column("prefix", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("salt", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double),
        sa.Column("revoked_at", sa.Double),
        sa.Column("admin", sa.Boolean, nullable=False),
        sa.Column("usd_per_day", sa.Double),
        sa.Column("usd_per_month", sa.Double),
        sa.Column("rpm", sa.BigInteger),
        sa.Column("tpm", sa.BigInteger),
        sa.Column("models", sa.Text),
        sa.Column("tags", sa.Text, nullable=False),
    )
    op.create_index("asym_keys_name", "asym_keys", ["name"])
    op.create_table(
        "asym_key_rates",
        sa.Column("name", sa.String(60), primary_key=True),
        sa.Column("seconds", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("asym_key_rates")
    op.drop_index("asym_keys_name", "asym_keys")
    op.drop_table("asym_keys")
