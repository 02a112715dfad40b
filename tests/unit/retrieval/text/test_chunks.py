from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.ingest import Chunk, Page
from chalicelib.retrieval.text.chunks import chunk_pages

SPECIAL = 2


def count(text: str) -> int:
    """Count as a model does: two special tokens, a word a token, long words several."""
    return SPECIAL + sum(1 + len(word) // 8 for word in re.findall(r"\w+|[^\w\s]", text))


def chunks_of(*texts: str, limit: int = 256) -> list[Chunk]:
    pages = [Page(page=n, text=text) for n, text in enumerate(texts, 1)]
    return list(chunk_pages(pages, count, limit))


WORDS = st.sampled_from(["pump", "The", "valve", "42", "é", "Dr.", "a" * 90, "漢字。", "🙂", "-"])
GAPS = st.sampled_from([" ", "  ", ". ", "\n", "\n\n", ".\n\n", "! ", "\t"])
TEXTS = st.lists(st.tuples(WORDS, GAPS), max_size=120).map(
    lambda pairs: "".join(word + gap for word, gap in pairs)
)
PAGES = st.lists(TEXTS | st.text(max_size=300), min_size=1, max_size=4)


@given(PAGES, st.integers(min_value=16, max_value=64))
def test_every_chunk_is_an_exact_slice_of_its_page(texts: list[str], limit: int) -> None:
    for chunk in chunks_of(*texts, limit=limit):
        assert chunk.text == texts[chunk.page - 1][chunk.start : chunk.end]
        assert chunk.text.strip() == chunk.text


@given(PAGES, st.integers(min_value=16, max_value=64))
def test_no_chunk_is_longer_than_the_model_reads(texts: list[str], limit: int) -> None:
    assert all(count(chunk.text) <= limit for chunk in chunks_of(*texts, limit=limit))


@given(PAGES, st.integers(min_value=16, max_value=64))
def test_every_visible_character_is_in_a_chunk(texts: list[str], limit: int) -> None:
    chunks = chunks_of(*texts, limit=limit)
    for number, text in enumerate(texts, 1):
        held = {
            place
            for chunk in chunks
            if chunk.page == number
            for place in range(chunk.start, chunk.end)
        }
        if count(text) > SPECIAL:
            assert all(place in held for place, mark in enumerate(text) if not mark.isspace())


def every_letter(text: str) -> int:
    """Count as no model does: the joined text has more than its sentences have."""
    return SPECIAL + len(text)


@given(PAGES, st.integers(8, 300))
def test_what_counts_for_more_once_it_is_joined_still_fits(texts: list[str], limit: int) -> None:
    pages = [Page(page=number, text=text) for number, text in enumerate(texts, 1)]
    chunks = list(chunk_pages(pages, every_letter, limit))
    assert all(every_letter(chunk.text) <= limit for chunk in chunks)
    for page in pages:
        held = {
            place
            for chunk in chunks
            if chunk.page == page.page
            for place in range(chunk.start, chunk.end)
        }
        visible = {place for place, letter in enumerate(page.text) if not letter.isspace()}
        assert visible <= held


@given(PAGES, st.integers(min_value=16, max_value=64))
def test_chunks_are_numbered_and_kept_in_order(texts: list[str], limit: int) -> None:
    chunks = chunks_of(*texts, limit=limit)
    assert [chunk.n for chunk in chunks] == list(range(len(chunks)))
    places = [(chunk.page, chunk.start, chunk.end) for chunk in chunks]
    assert places == sorted(set(places))


def test_a_short_page_is_one_chunk() -> None:
    (chunk,) = chunks_of("  One sentence. And another.\n")
    assert chunk.text == "One sentence. And another."


def test_a_chunk_never_crosses_a_page() -> None:
    assert [chunk.page for chunk in chunks_of("one", "two", "", "four")] == [1, 2, 4]


def test_a_section_opens_a_chunk_under_its_own_heading() -> None:
    first = "Cooling\n\n" + "The pump moves water through the loop. " * 8
    second = "Heating\n\n" + "The boiler warms the hall in winter. " * 8
    page = Page(
        page=1,
        text=first + "\n\n" + second,
        headings=((0, "Cooling"), (len(first) + 2, "Heating")),
    )
    chunks = list(chunk_pages([page], count, 256))
    assert [chunk.heading for chunk in chunks] == ["Cooling", "Heating"]
    assert chunks[1].text.startswith("Heating")


def test_crumbs_of_sections_are_joined() -> None:
    page = Page(page=1, text="A\n\nB\n\nC", headings=((0, "A"), (3, "B"), (6, "C")))
    (chunk,) = chunk_pages([page], count, 256)
    assert (chunk.text, chunk.heading) == ("A\n\nB\n\nC", "C")


def test_a_page_without_headings_goes_on_under_the_last_one() -> None:
    pages = [
        Page(page=1, text="Cooling\n\nIt is cold.", headings=((0, "Cooling"),)),
        Page(page=2, text="And stays so."),
    ]
    assert [chunk.heading for chunk in chunk_pages(pages, count, 256)] == ["Cooling", "Cooling"]


def test_the_last_short_sentence_is_repeated_in_the_next_chunk() -> None:
    text = " ".join(f"Sentence number {n} is about pumps." for n in range(40))
    chunks = chunks_of(text, limit=64)
    for before, after in itertools.pairwise(chunks):
        assert after.start < before.end
        assert text[after.start : before.end].count(".") == 1


@pytest.mark.parametrize("text", ["x" * 5_000, "漢" * 2_000, "7" * 3_000, "." * 2_000])
def test_a_run_without_a_space_is_still_cut_to_size(text: str) -> None:
    chunks = chunks_of(text, limit=64)
    assert "".join(chunk.text for chunk in chunks) == text


def test_a_heading_inside_a_sentence_still_opens_a_section() -> None:
    text = "words " * 30 + "Title of the rest " + "words " * 30
    start = text.index("Title")
    page = Page(page=1, text=text.strip(), headings=((start, "Title"),))
    chunks = list(chunk_pages([page], count, 256))
    assert [chunk.heading for chunk in chunks] == ["", "Title"]
    assert chunks[1].start == start


def test_a_page_of_many_headings_is_cut_in_one_pass() -> None:
    text = "## A\n\n" * 20_000
    headings = tuple((offset, "A") for offset in range(0, len(text), 6))
    chunks = list(chunk_pages([Page(page=1, text=text, headings=headings)], count, 64))
    assert chunks[-1].end == len(text.rstrip())


@pytest.mark.parametrize(
    "together",
    [
        "The tool reads these files:\n\n- one kind\n- another kind\n- a third kind",
        "timeout\n    How long it waits for an answer before it gives up",
        "Run this to begin:\n\n    make all\n    make install",
        "# The most that it may hold\nlimit = 40",
    ],
)
@pytest.mark.parametrize("words", range(10, 40, 3))
def test_what_belongs_together_is_in_one_chunk(together: str, words: int) -> None:
    text = f"{'word ' * words}end.\n\n{together}\n\n{'word ' * 30}end."
    assert any(together in chunk.text for chunk in chunks_of(text, limit=48))


def test_a_caption_is_in_the_chunk_of_its_table() -> None:
    table = "| a | b |\n| - | - |\n| 1 | 2 |"
    text = f"{'word ' * 30}end.\n\nThe energy of a year\n\n{table}"
    page = Page(page=1, text=text, headings=((0, "Top"), (text.index(table), "Top")))
    *_, last = chunk_pages([page], count, 64)
    assert last.text == f"The energy of a year\n\n{table}"
