"""Prompts that the tests speak of."""

from __future__ import annotations

from typing import Any

from chalicelib.contracts.prompts import PromptContent

FENCE = "@@0123456789abcdef"


def content(**changes: Any) -> PromptContent:
    """Return a prompt that sums up a report, with `changes`."""
    given: dict[str, Any] = {
        "description": "Sums up a report.",
        "variables": {
            "report": {"type": "document", "max_length": 1_000},
            "words": {"type": "integer", "minimum": 10, "maximum": 200, "default": 50},
            "audience": {"type": "string", "max_length": 40},
        },
        "role": "You write for {{ audience }}.",
        "turns": [{"template": "Sum up in {{ words }} words:\n{{ report }}"}],
    }
    return PromptContent.model_validate(given | changes)


VALUES: dict[str, Any] = {"report": "The weir was closed in May.", "audience": "farmers"}
