from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.search import Hit
from chalicelib.retrieval.search.ranking import (
    fetch_count,
    keep_current_versions,
    merge_overlapping,
)
from tests.unit.retrieval.fakes import hit

PAGE = "The quick brown fox jumps over the lazy dog, again and again, until it is night."


def chunk(start: int, end: int, score: float = 0.5, document_id: str = "doc_a") -> Hit:
    return hit(PAGE[start:end], document_id, start=start, end=end, score=score)


def test_should_drop_hits_of_versions_that_do_not_answer() -> None:
    hits = [hit("old", version="v_1"), hit("new", version="v_2"), hit("gone", document_id="doc_b")]
    assert [found.text for found in keep_current_versions(hits, {"doc_a": "v_2"})] == ["new"]


def test_should_drop_hits_of_a_document_that_has_no_version_yet() -> None:
    assert keep_current_versions([hit("x", version="")], {"doc_a": ""}) == []


def test_should_join_chunks_that_share_characters_and_keep_the_better_score() -> None:
    (joined,) = merge_overlapping([chunk(0, 30, 0.4), chunk(20, 50, 0.9)])
    assert (joined.start, joined.end, joined.text, joined.score) == (0, 50, PAGE[:50], 0.9)


def test_should_join_two_chunks_through_a_third_that_comes_last() -> None:
    (joined,) = merge_overlapping([chunk(0, 20), chunk(40, 60), chunk(10, 50)])
    assert (joined.start, joined.end, joined.text) == (0, 60, PAGE[:60])


def test_should_leave_neighbours_and_other_documents_apart() -> None:
    hits = [chunk(0, 20), chunk(20, 40), chunk(10, 30, document_id="doc_b")]
    assert len(merge_overlapping(hits)) == 3


def test_should_leave_chunks_apart_that_disagree_about_shared_characters() -> None:
    other = hit("different text here", start=5, end=24)
    assert len(merge_overlapping([chunk(0, 20), other])) == 2


def test_should_ask_the_index_for_more_than_is_shown_within_its_limit() -> None:
    assert fetch_count(1, 100) == 40
    assert fetch_count(20, 100) == 50
    assert fetch_count(100, 100) == 100


ranges = st.tuples(st.integers(0, len(PAGE) - 2), st.integers(1, 40)).map(
    lambda pair: (pair[0], min(len(PAGE), pair[0] + pair[1]))
)


@given(st.lists(ranges, max_size=8))
def test_should_merge_into_disjoint_slices_of_the_page_that_cover_the_same(
    chunks: list[tuple[int, int]],
) -> None:
    merged = merge_overlapping([chunk(start, end) for start, end in chunks])
    covered = {at for start, end in chunks for at in range(start, end)}
    assert sorted(at for found in merged for at in range(found.start, found.end)) == sorted(covered)
    assert all(found.text == PAGE[found.start : found.end] for found in merged)
