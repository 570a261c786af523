"""Run many requests concurrently, with a journal from which an interrupted run is resumed."""
