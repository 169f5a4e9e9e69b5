"""The version of this package, for the rooms that write it down."""

__version__ = "0.1.0"
