"""Tiers that fail: retries, time limits, circuit breakers, limits on calls at once, fall-backs."""
