"""Fences around quoted text in prompts: text of documents and users is data, never instructions."""

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

Repeats are possessive and a row of `#` is looked at from its start only, so that no text takes more
than one look at each character and a few beside it.
"""


_APART = str.maketrans({"<": "< ", "|": "| ", "[": "[ ", "/": "/ ", "#": "- "})


_GAP = re.compile(r"[ \t]{2,}")


def neutralize(text: str, fence: str) -> str:
    """Return `text` without the fence and without marks of chat templates, tidied of gaps."""
    while fence in text or _TEMPLATE.search(text):
        text = _TEMPLATE.sub(" ", text.replace(fence, " "))
    return _GAP.sub(" ", text).strip()


def defuse(text: str, fence: str) -> str:
    """Return `text` without the fence, its marks of chat templates broken, the rest as it is.

    One look over the text does it, however long it is: behind each sign that a mark could begin
    with stands a space, so that what is left and right of a broken mark cannot join to a new one.
    """
    while fence in text:
        text = text.replace(fence, " ")
    return _TEMPLATE.sub(lambda found: found.group().translate(_APART), text)
