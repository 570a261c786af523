"""Many requests: run side by side, journaled, taken up again."""
