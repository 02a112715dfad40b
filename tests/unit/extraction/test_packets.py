from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.errors import InvalidInput
from chalicelib.extraction.document import DocumentPage, SourceDocument
from chalicelib.extraction.packets.boundaries import FEATURES, boundary_odds, parse_boundary_odds
from chalicelib.extraction.packets.splitter import PacketPart, part_of, split_packet
from models.datasets.business_documents.packets import packets
from models.packet_splitter.__main__ import learned
from models.packet_splitter.pages import PacketPages, packet_pages
from models.packet_splitter.scores import packet_scores

LETTER = """Nordwind GmbH
Rechnung Nr. 2026-{n}
Kunde 4711{n}
Betrag 1{n}0,00 EUR
Seite {page} von {pages}"""


def packet(*texts: str) -> SourceDocument:
    """Return pages without geometry, as those of a text."""
    pages = (DocumentPage(number, text) for number, text in enumerate(texts, start=1))
    return SourceDocument("", "", "", "", tuple(pages))


def invoices(*sizes: int) -> SourceDocument:
    """Return invoices of one sender with so many numbered pages each."""
    return packet(
        *(
            LETTER.format(n=n, page=page, pages=pages)
            for n, pages in enumerate(sizes, start=1)
            for page in range(1, pages + 1)
        )
    )


@pytest.mark.parametrize("sizes", [(1,), (1, 1, 1), (2, 3), (3, 1, 2)])
def test_numbered_pages_should_be_split_where_the_numbers_begin_anew(
    sizes: tuple[int, ...],
) -> None:
    found = split_packet(invoices(*sizes))
    assert [part.last - part.first + 1 for part in found] == list(sizes)
    assert all(0.5 <= part.confidence <= 1 for part in found)


def test_an_empty_page_should_begin_nothing_and_part_nothing() -> None:
    pages = [page.text for page in invoices(2, 1).pages]
    found = split_packet(packet(pages[0], "", pages[1], " \n", pages[2], ""))
    assert [(part.first, part.last) for part in found] == [(1, 4), (5, 6)]


def test_a_file_without_a_page_should_hold_nothing() -> None:
    assert split_packet(packet()) == ()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=120), min_size=1, max_size=6))
def test_each_page_should_be_in_one_part(texts: list[str]) -> None:
    parts = split_packet(packet(*texts))
    assert parts[0].first == 1
    assert parts[-1].last == len(texts)
    assert all(one.last + 1 == other.first for one, other in pairwise(parts))


def test_a_part_should_keep_the_numbers_of_its_pages() -> None:
    part = part_of(invoices(2, 1), 2, 3)
    assert [page.number for page in part.pages] == [2, 3]
    with pytest.raises(InvalidInput, match="has 3 pages; pages 3 to 4") as caught:
        part_of(invoices(2, 1), 3, 4)
    assert (caught.value.field, caught.value.limit) == ("pages", "3 pages")


def test_weights_of_other_features_should_be_refused() -> None:
    assert len(boundary_odds().weights) == len(FEATURES)
    with pytest.raises(ValueError, match="are of other features"):
        parse_boundary_odds('{"weights": {"title": 1.0}, "bias": 0.0}')


def test_drawn_packets_should_teach_where_documents_begin() -> None:
    rng = random.Random(5)
    drawn = [packet_pages(each, rng) for each in packets("train", 5, 2)]
    assert all(each.starts[0] == 0 and len(each.starts) > 1 for each in drawn)
    odds = learned(drawn)
    scores = packet_scores((each, split_packet(each.document, odds)) for each in drawn)
    single = packet_scores(
        (each, [PacketPart(page.number, page.number, 1.0) for page in each.document.pages])
        for each in drawn
    )
    assert scores["documents"] > single["documents"]


def test_scores_should_count_whole_documents() -> None:
    pages = PacketPages(invoices(2, 1, 1), (0, 2, 3), of_one_sender=True)
    parts = [PacketPart(1, 2, 1.0), PacketPart(3, 4, 1.0)]
    assert packet_scores([(pages, parts)]) == {
        "precision": 1.0,
        "recall": 0.5,
        "documents": 0.3333,
        "documents_of_one_sender": 0.3333,
        "packets": 0.0,
        "documents_counted": 3,
        "packets_counted": 1,
    }
