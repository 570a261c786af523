"""The package's version, for modules that can't import it from the top-level package."""

__version__ = "0.1.0"
