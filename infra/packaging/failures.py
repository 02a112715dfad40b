"""What keeps a package from being made or used, in words that say what to do."""

from __future__ import annotations


class CannotPackage(Exception):  # noqa: N818 - named for what it tells
    """A package cannot be made or used; the message names the cause and the fix."""
