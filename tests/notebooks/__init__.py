"""The notebooks: their text pairs, and running them for real (`make notebooks`)."""
