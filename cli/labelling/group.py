"""The group `labelling` with all its commands."""

from cli.labelling import pairs, reviews
from cli.labelling.commands import labelling

__all__ = ["labelling", "pairs", "reviews"]
