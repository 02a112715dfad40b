"""Words as the lexical half of retrieval compares them.

English first: a stop list and a light suffix stripper, both harmless elsewhere because the
same rules are applied to a question and to the text that it is compared with.
"""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"\w+(?:[.,]\d+)*(?:'\w+)?", re.UNICODE)
_PROPER = re.compile(r"\b[A-Z][\w-]*\b")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_FAMILY = 5
"""Letters that words of one family share at least."""

_STOP = """
a about above after again all also am an and any are as at be because been before being below
between both but by can could did do does doing down during each few for from further give had
has have having he her here hers him his how i if in into is it its itself just let many may me
might more most much must my no nor not now of off on once only or other our out over own please
said same say says shall she should show so some such tell than that the their them then there
these they this those through to too under until up upon us very was we were what when where
whether which while who whom whose why will with would you your
"""
STOP_WORDS = frozenset(_STOP.split())


def words(text: str) -> list[str]:
    """Return the words of `text`, case folded, in order."""
    folded = (
        unicodedata.normalize("NFKC", text)
        .casefold()
        .replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    )
    return _WORD.findall(folded)


def stem(word: str) -> str:
    """Return `word` without a plural, past or continuous ending."""
    word = word.removesuffix("'s")
    if len(word) <= 3 or not word.isalpha():
        return word
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", "")):
        base = word.removesuffix(ending)
        if base != word and len(base) >= 3:
            return _undouble(base + instead) if not instead else base + instead
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 4 else word


def _undouble(base: str) -> str:
    if len(base) > 3 and base[-1] == base[-2] and base[-1] not in "lsz":
        return base[:-1]
    return base.removesuffix("e") if len(base) > 4 else base


def terms(text: str) -> list[str]:
    """Return the stems of the words of `text` that carry meaning, in order, with repeats."""
    return [stem(word) for word in words(text) if word not in STOP_WORDS]


def alike(one: str, other: str) -> bool:
    """Say whether two stems are of one family, as `requir` and `requirement` are: the shorter,
    a word of at least five letters, begins the longer.
    """
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= _FAMILY and longer.isalpha() and longer.startswith(shorter)


def numbers(text: str) -> set[str]:
    """Return the numbers written in `text`, thousands separators removed."""
    return {found.replace(",", "") for found in _NUMBER.findall(text)}


def names(text: str) -> set[str]:
    """Return the capitalised words of `text` that are not only opening a sentence, folded."""
    found = set()
    for match in _PROPER.finditer(text):
        word = match.group()
        opens = not text[: match.start()].rstrip() or text[: match.start()].rstrip()[-1] in ".!?:"
        if not opens or (len(word) > 1 and word.isupper()):
            found.add(word.casefold())
    return found - STOP_WORDS
