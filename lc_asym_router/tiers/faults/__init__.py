"""Failing tiers: retries, time limits, circuit breakers, concurrency limits, fallbacks."""
