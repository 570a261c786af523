"""Exit codes."""

ANSWERED = 0
BAD_USAGE = 2
NO_ANSWER = 3
