"""Budgets know when their period is over, so that old sums can be deleted.

A migration is never changed once it has shipped: a later form of the tables is a later file.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, and fill it for budgets per day, whose key ends with the day."""
    op.add_column("asym_budgets", sa.Column("ends_at", sa.Double))
    op.create_index("asym_budgets_ends", "asym_budgets", ["ends_at"])
    budgets = sa.table("asym_budgets", sa.column("key", sa.String), sa.column("ends_at", sa.Double))
    connection = op.get_bind()
    for key in list(connection.scalars(sa.select(budgets.c.key))):
        parts = key.split("|")
        try:
            day = datetime.strptime(parts[-1], "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            continue
        if len(parts) == 4 and parts[1] == "day":
            ends_at = (day + timedelta(days=1)).timestamp()
            connection.execute(budgets.update().where(budgets.c.key == key).values(ends_at=ends_at))


def downgrade() -> None:
    """Drop it."""
    op.drop_index("asym_budgets_ends", "asym_budgets")
    op.drop_column("asym_budgets", "ends_at")
