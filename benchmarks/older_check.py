"""The predecessor of `check_support`, kept for comparison.

A sentence passed if a sentence of the source had a cosine of 0.6 with it, three quarters of its
words stood there, and the source held all its numbers and capitalised names.
"""

from __future__ import annotations

from chalicelib.inference.embedder import Embedder
from chalicelib.retrieval.answer.evidence import cosine
from chalicelib.retrieval.text.sentences import split_sentences
from chalicelib.retrieval.text.terms import names_in, numbers_in, terms

CLAIM_COSINE = 0.6
CLAIM_WORDS = 0.75


def supports(claim: str, passage: str, embedder: Embedder) -> bool:
    """Return whether the older check would have accepted `claim`."""
    sentences = [passage[span.start : span.end] for span in split_sentences(passage)]
    vector, *others = embedder.embed([claim, *sentences], truncate=True).tolist()
    place = passage.casefold()
    if not numbers_in(claim) <= numbers_in(passage):
        return False
    if not all(name in place for name in names_in(claim)):
        return False
    words = set(terms(claim))
    return any(
        cosine(vector, other) >= CLAIM_COSINE
        and len(words & set(terms(sentence))) >= CLAIM_WORDS * len(words)
        for sentence, other in zip(sentences, others, strict=True)
    )
