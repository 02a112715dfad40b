"""A claim with its figures as a source writes them: `two years` for `24 months`.

Whether two figures are equal is computed; a model of entailment only guesses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chalicelib.retrieval.text.parsed_text import ParsedText


def restate_figures(claim: ParsedText, sentences: Sequence[ParsedText]) -> str:
    """Return the text of `claim`; figures that a sentence states otherwise are replaced by it."""
    text = claim.text
    for first, last, written in sorted(_equal_figures(claim, sentences), reverse=True):
        start, end = claim.words[first].start, claim.words[last].end
        text = text[:start] + written + text[end:]
    return text


def _equal_figures(
    claim: ParsedText, sentences: Sequence[ParsedText]
) -> Iterator[tuple[int, int, str]]:
    """Yield the first and last word of a figure of the claim, and how a sentence writes it."""
    for quantity in claim.quantities:
        stated = (
            _written(sentence, each.start, each.end)
            for sentence in sentences
            for each in sentence.quantities
            if each.dimension == quantity.dimension and each.same(quantity)
        )
        if (written := next(stated, None)) is not None:
            yield quantity.start, quantity.end, written
    for moment in claim.times:
        stated = (
            _written(sentence, each.start, each.end)
            for sentence in sentences
            for each in sentence.times
            if each.fields == moment.fields
        )
        if (written := next(stated, None)) is not None:
            yield moment.start, moment.end, written


def _written(sentence: ParsedText, first: int, last: int) -> str:
    return sentence.text[sentence.words[first].start : sentence.words[last].end]
