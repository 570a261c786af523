"""Limits on spending: each call's maximum is reserved before it, and settled after it."""
