"""The database that ledger and budgets share: its tables, its migrations, its connections."""
