"""Limits on what is spent: reserved before a call, settled after it."""
