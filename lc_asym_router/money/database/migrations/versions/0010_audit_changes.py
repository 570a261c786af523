"""When a row of audits' counts changed last, the rung of a request, and moves between rungs.

A migration is never changed once it has shipped: a later form of the tables is a later file.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table."""
    op.add_column(
        "asym_audits", sa.Column("changed", sa.BigInteger, nullable=False, server_default="0")
    )
    op.create_index("asym_audits_changed", "asym_audits", ["changed"])
    op.add_column("asym_requests", sa.Column("rung", sa.String(60)))
    op.create_table(
        "asym_moves",
        sa.Column(
            "request_id",
            sa.String(32),
            sa.ForeignKey("asym_requests.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("why", sa.String(16), nullable=False),
        sa.Column("before", sa.String(60), nullable=False),
        sa.Column("after", sa.String(60), nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("asym_moves")
    op.drop_column("asym_requests", "rung")
    op.drop_index("asym_audits_changed", "asym_audits")
    op.drop_column("asym_audits", "changed")
