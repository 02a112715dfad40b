"""Passages without the sentences that speak to a language model.

Such a sentence is blanked, not cut out: every other character stays where it was, so that what
is quoted afterwards is still at its place on the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chalicelib.retrieval.sentences import split_sentences

if TYPE_CHECKING:
    from chalicelib.contracts.searching import Hit
    from chalicelib.query_ports import SentenceScreen
    from chalicelib.retrieval.citations import Source


def screened(passages: Sequence[Hit], screen: SentenceScreen) -> tuple[list[Hit], int]:
    """Return the passages, and how many sentences were blanked, each place of a page once."""
    shown: list[Hit] = []
    blanked: set[tuple[str, str, int, int]] = set()
    for passage in passages:
        spans = split_sentences(passage.text)
        told = screen.aimed_at_model([passage.text[span.start : span.end] for span in spans])
        text = passage.text
        for span, aimed in zip(spans, told, strict=True):
            if aimed:
                text = f"{text[: span.start]}{' ' * (span.end - span.start)}{text[span.end :]}"
                place = (passage.document_id, passage.version, passage.page)
                blanked.add((*place, passage.start + span.start))
        shown.append(passage if text == passage.text else passage.model_copy(update={"text": text}))
    return shown, len(blanked)


def stands_on_page(source: Source, passages: Sequence[Hit]) -> bool:
    """Say whether the quote of `source` is what its page says, with nothing blanked in it.

    `passages` are as they were found.
    """
    _, _, page, start, end = source.place
    for passage in passages:
        if (passage.document_id, passage.page) == (source.passage.document_id, page):
            quoted = passage.text[start - passage.start : end - passage.start]
            if passage.start <= start and end <= passage.end:
                return quoted == source.text
    return False
