"""Requests, calls and tags.

A migration is never changed once it has shipped: a later form of the tables is a later file.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "asym_requests",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("run_id", sa.String(64)),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("error", sa.String(120)),
        sa.Column("tier", sa.String(120)),
        sa.Column("model", sa.String(240)),
        sa.Column("escalated", sa.Boolean, nullable=False),
        sa.Column("decided_tier", sa.String(120)),
        sa.Column("complexity", sa.Double),
        sa.Column("threshold", sa.Double),
        sa.Column("confidence", sa.Double),
        sa.Column("classifier", sa.String(240)),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("cost_usd", sa.Double),
        sa.Column("frontier_cost_usd", sa.Double),
        sa.Column("saved_usd", sa.Double),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("thread_id", sa.String(240)),
        sa.Column("reason", sa.Text),
        sa.Column("prompt", sa.Text),
        sa.Column("answer", sa.Text),
    )
    op.create_index("asym_requests_time", "asym_requests", ["time"])
    op.create_index("asym_requests_thread", "asym_requests", ["thread_id"])
    op.create_index("asym_requests_run", "asym_requests", ["run_id"])
    op.create_table(
        "asym_calls",
        sa.Column(
            "request_id",
            sa.String(32),
            sa.ForeignKey("asym_requests.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("tier", sa.String(120)),
        sa.Column("model", sa.String(240)),
        sa.Column("passed", sa.Boolean),
        sa.Column("check", sa.String(240)),
        sa.Column("score", sa.Double),
        sa.Column("input_tokens", sa.Integer),
        sa.Column("output_tokens", sa.Integer),
        sa.Column("cached_tokens", sa.Integer),
        sa.Column("cache_write_tokens", sa.Integer),
        sa.Column("reasoning_tokens", sa.Integer),
        sa.Column("usage_estimated", sa.Boolean, nullable=False),
        sa.Column("cost_usd", sa.Double),
        sa.Column("seconds", sa.Double),
        sa.Column("error", sa.String(120)),
        sa.Column("reason", sa.Text),
    )
    op.create_table(
        "asym_tags",
        sa.Column(
            "request_id",
            sa.String(32),
            sa.ForeignKey("asym_requests.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("tag", sa.String(240), primary_key=True),
    )
    op.create_index("asym_tags_tag", "asym_tags", ["tag"])


def downgrade() -> None:
    """Drop them."""
    for table in ("asym_tags", "asym_calls", "asym_requests"):
        op.drop_table(table)
