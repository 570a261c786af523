"""Audits: ask the last tier besides, to learn what routing loses, with a bound on it."""
