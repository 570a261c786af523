"""Budgets that hold: reserved before a call, settled after it."""
