"""The version, for whoever must know it below the package's top."""

__version__ = "0.1.0"
