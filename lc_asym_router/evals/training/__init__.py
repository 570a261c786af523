"""Training of the shipped classifier and verifier, and their model cards."""
