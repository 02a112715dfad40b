"""What of a question is handed to the index's text search."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.retrieval.terms import STOP_WORDS, words

MAX_QUERY_TEXT = 1024
"""Characters of one entry of `queryTexts`.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_S3VectorBuckets_QueryVectors.html
"""


@dataclass(frozen=True, slots=True)
class QueryText:
    """The text to search for; `notice` tells the user when it is not the whole question."""

    text: str
    notice: str | None = None


def query_text(question: str) -> QueryText:
    """Return `question`, or its rarest terms in their order where it is too long.

    A word is taken to be the rarer the longer it is, and a number or a code the rarest:
    the index reports no document frequencies, and common words are short in any language.
    """
    if len(question) <= MAX_QUERY_TEXT:
        return QueryText(question)
    kept = _fit(_distinct(question))
    return QueryText(
        " ".join(kept),
        f"The question has {len(question)} characters and text search takes at most "
        f"{MAX_QUERY_TEXT}: {_what_is_left(len(kept))} "
        "The search by meaning saw the question's beginning.",
    )


def _what_is_left(terms: int) -> str:
    if terms == 0:
        return "only common words are in it, so it was searched for by meaning alone."
    return f"it was cut to its {f'{terms} rarest terms' if terms > 1 else 'rarest term'}."


def _distinct(question: str) -> list[str]:
    return list(dict.fromkeys(word for word in words(question) if word not in STOP_WORDS))


def _fit(candidates: list[str]) -> list[str]:
    """Return the rarest of `candidates` that fit, joined by spaces, in their order."""
    ranked = sorted(range(len(candidates)), key=lambda at: (-_rarity(candidates[at]), at))
    room = MAX_QUERY_TEXT
    chosen: list[int] = []
    for at in ranked:
        needed = len(candidates[at]) + (1 if chosen else 0)
        if needed <= room:
            chosen.append(at)
            room -= needed
    if not chosen:
        return [word[:MAX_QUERY_TEXT] for word in candidates[:1]]
    return [candidates[at] for at in sorted(chosen)]


def _rarity(word: str) -> int:
    return len(word) + (100 if any(character.isdigit() for character in word) else 0)
