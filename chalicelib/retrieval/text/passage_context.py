"""The context that a passage is embedded with: the name of its file, and the headings above it.

A passage says "the default is 30 seconds" and leaves it to its headings to say of what. Only the
vector is made with them: the passage stays the exact slice of its page that is shown and cited.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath

MAX_CONTEXT_CHARACTERS = 200
_BETWEEN_WORDS = re.compile(r"[-_.\s]+")
_HASH = re.compile(r"(?=[a-fA-F]*\d)[0-9a-fA-F]{8,}")
"""A part of a name that a program made up: it says nothing."""


def passage_context(path: str, heading: str) -> str:
    """Return the name of a file in words, and the headings of a passage, as one line.

    Args:
        path: The path of the document.
        heading: The trail of headings above the passage, "" if there is none.
    """
    words = _BETWEEN_WORDS.split(PurePosixPath(path).stem)
    name = " ".join(word for word in words if word and not _HASH.fullmatch(word))
    return ": ".join(filter(None, (name, heading)))[:MAX_CONTEXT_CHARACTERS]


def with_context(
    context: str, text: str, count_tokens: Callable[[str], int], max_tokens: int
) -> str:
    """Return a passage below its context, as much of which as fits into `max_tokens`."""
    words = context.split()
    while words:
        whole = f"{' '.join(words)}\n{text}"
        if count_tokens(whole) <= max_tokens:
            return whole
        words = words[: len(words) * 3 // 4]
    return text
