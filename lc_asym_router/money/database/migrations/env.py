"""Alembic's environment: it migrates on the connection that it is handed."""

from __future__ import annotations

from alembic import context

from lc_asym_router.money.database.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table=context.config.attributes["version_table"],
)
with context.begin_transaction():
    context.run_migrations()
