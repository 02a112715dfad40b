"""Orders to a language model in texts: sentences that rules know.

What was retrieved, or given back by a tool, may tell people what to do, but nothing a model: every
family of rules holds there. A user's own text may well ask for an answer of some form, so that only
the plainest families do. What this finds of attacks that were collected elsewhere, which is little,
is in docs/safety.md, and why no model judges them in docs/decisions/0040.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chalicelib.contracts.screening import Finding, Origin
from chalicelib.retrieval.text.sentences import split_sentences
from chalicelib.screening.injection_rules import family_of

FAMILIES: Mapping[Origin, frozenset[str] | None] = {
    "input": frozenset({"template", "override", "leak", "persona", "other languages"}),
    "untrusted": None,
    "instructions": frozenset(),
    "output": frozenset(),
}
"""By who wrote a text: the families of rules that hold, None for all."""

_LONGEST = 2_000
"""Characters of a sentence that rules look at."""
_SCORE = 0.9


def orders(text: str, origin: Origin, at: int) -> Iterator[Finding]:
    """Yield the sentences of text number `at` that give orders to a model."""
    families = FAMILIES[origin]
    if families is not None and not families:
        return
    for span in split_sentences(text):
        family = family_of(text[span.start : min(span.end, span.start + _LONGEST)])
        if family and (families is None or family in families):
            yield Finding(
                rule=f"injection.{family.replace(' ', '-')}",
                category="injection",
                text=at,
                start=span.start,
                end=span.end,
                score=_SCORE,
                words="an instruction that is aimed at a language model",
            )
