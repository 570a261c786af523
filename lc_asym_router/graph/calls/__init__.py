"""One call of one tier: planning, payment, the call itself, early stop, cancellation."""
