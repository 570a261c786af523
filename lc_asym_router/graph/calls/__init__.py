"""One call of one tier: planned, paid for, made, ended early, cancelled."""
