"""Names within sentences are candidates, with the words of the sentence that name them."""

from __future__ import annotations

import numpy as np

from chalicelib.contracts.ingest import Page
from chalicelib.extraction.candidates import find_candidates
from chalicelib.extraction.document import Span, source_document
from chalicelib.extraction.field_candidates import FieldCandidate
from chalicelib.extraction.layout.document_layout import read_layout
from chalicelib.extraction.leaves import Leaf, LeafKind
from chalicelib.extraction.sentence_spans import MAX_SPANS, sentence_spans
from chalicelib.extraction.span_tagger import (
    SpanTagger,
    parse_span_tagger,
    span_tagger,
    tagger_document,
    text_tokens,
)
from chalicelib.extraction.values.reading_hints import ReadingHints

SELLER = Leaf(("seller",), "/seller", LeafKind.TEXT, "string", names=("seller",))
SIGNED = Leaf(("signed",), "/signed", LeafKind.DATE, "string", names=("signed",))
AGREEMENT = (
    "This agreement is made between Voss Hydro GmbH (the “Seller”) and Alder\n"
    "Mill Ltd (the “Buyer”) and is payable within 30 days of the\n"
    "delivery, and was signed by both of them in Leeds on 14 March\n"
    "2025."
)


def found(leaf: Leaf, text: str) -> list[FieldCandidate]:
    """Return the candidates of a field on a page without boxes."""
    document = source_document([Page(page=1, text=text)], None)
    return find_candidates(document, [read_layout(document)], [leaf], ReadingHints("en"))[0]


def test_the_parties_of_a_sentence_should_be_candidates_with_the_words_that_name_them() -> None:
    candidates = {each.match.value: each for each in found(SELLER, AGREEMENT) if each.within}
    assert {"Voss Hydro GmbH", "Alder Mill Ltd", "30 days"} <= set(candidates)
    seller, buyer = candidates["Voss Hydro GmbH"], candidates["Alder Mill Ltd"]
    assert [each.text for each in seller.labels] == ["This agreement is made between", "Seller"]
    assert buyer.labels[1].text == "Buyer"
    first = AGREEMENT.index("Alder")
    assert buyer.spans == (Span(1, first, first + 5), Span(1, first + 6, first + 14))


def test_a_date_that_goes_over_the_end_of_a_line_should_be_one_candidate_of_two_spans() -> None:
    (date,) = found(SIGNED, AGREEMENT)
    assert (date.match.value, len(date.spans), date.within) == ("2025-03-14", 2, True)


def test_lines_without_sentences_should_have_no_candidates_within_them() -> None:
    assert not [
        each for each in found(SELLER, "Voss Hydro GmbH\nWeir 4\n\nTotal: 41") if each.within
    ]


def test_a_page_should_have_no_more_spans_than_its_limit() -> None:
    text = "\n".join(f"We met Ann Lee and Bob Ray and Eve Fox of Leeds {n}." for n in range(60))
    document = source_document([Page(page=1, text=text)], None)
    spans = sentence_spans(document, read_layout(document).blocks(1))
    assert len(spans) == MAX_SPANS
    assert spans == sorted(spans, key=lambda each: each.spans)


def test_a_tagger_should_be_read_as_it_was_written() -> None:
    tagger = span_tagger()
    document = tagger_document(SpanTagger(tagger.rows[:4], tagger.bias, tagger.scale))
    written = str(document).replace("'", '"')
    assert np.array_equal(parse_span_tagger(written).rows, tagger.rows[:4])


def test_words_should_be_without_the_signs_around_them() -> None:
    tokens = [(t.before, t.text, t.behind) for t in text_tokens("“Smith & Co.” (S.A.), 5.")]
    assert tokens == [("“", "Smith", ""), ("&", "Co", ".”"), ("(", "S.A.", "),"), ("", "5", ".")]
