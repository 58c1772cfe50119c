"""The version of the library."""

from highlevel import __version__

__all__ = ["version"]


def version() -> str:
    """The version, such as `"0.1.0"`."""
    return __version__
