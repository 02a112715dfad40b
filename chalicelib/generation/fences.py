"""Fences around quoted text in prompts, which mark it as data, never as instructions."""

from __future__ import annotations

import re
import secrets


def random_fence() -> str:
    """Return a random fence that a text cannot foresee."""
    return f"@@{secrets.token_hex(8)}"


_TEMPLATE = re.compile(
    r"<\|[^|<>\n]{0,64}\|>|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>"
    r"|(?<!#)#{2,}+[ \t]*+(?:instruction|response|system|user|assistant)s?[ \t]*+:",
    re.IGNORECASE,
)
"""Marks of turns in chat templates, which have no meaning in a passage.

Repeats are possessive and a row of `#` is matched from its start only, so that the search is linear
in the text.
"""


_APART = str.maketrans({"<": "< ", "|": "| ", "[": "[ ", "/": "/ ", "#": "- "})


_GAP = re.compile(r"[ \t]{2,}")


def neutralize(text: str, fence: str) -> str:
    """Return `text` without the fence and without marks of chat templates, gaps closed."""
    while fence in text or _TEMPLATE.search(text):
        text = _TEMPLATE.sub(" ", text.replace(fence, " "))
    return _GAP.sub(" ", text).strip()


def defuse(text: str, fence: str) -> str:
    """Return `text` without the fence and with the marks of chat templates broken.

    One pass over the text is enough, however long it is: a space is put behind each character with
    which a mark could begin, so that the text on either side of a broken mark cannot join to a new
    one.
    """
    while fence in text:
        text = text.replace(fence, " ")
    return _TEMPLATE.sub(lambda found: found.group().translate(_APART), text)
