from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from chalicelib.contracts.ingest import (
    Page,
    RecogniseRequest,
    RecogniseResult,
    Spent,
    nothing_spent,
)
from chalicelib.contracts.jsonl import dump_lines, parse_lines
from chalicelib.contracts.page_words import PageWords, WordBox
from chalicelib.contracts.picture_labels import Label
from chalicelib.documents.words import StandingWord
from chalicelib.errors import Conflict, ModelFailure, NotFound
from chalicelib.ingest.receipts import IngestUsage, ingest_receipt
from functions.recognise_pages import core
from functions.recognise_pages.text import RecognisedLine, text_page

PLACE = {"tenant": "acme", "document_id": "doc_a", "version": "v_b"}
PREFIX = "documents/acme/doc_a/v_b/"


@dataclass
class Objects:
    """Objects in memory."""

    kept: dict[str, bytes]
    metadata_of: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def read(self, bucket: str, key: str, version_id: str | None = None) -> bytes:
        if key not in self.kept:
            raise NotFound(key)
        return self.kept[key]

    def write(self, bucket: str, key: str, body: bytes, metadata: Mapping[str, str]) -> None:
        self.kept[key] = body
        self.metadata_of[key] = metadata

    def copy(self, bucket: str, key: str, version_id: str, to_key: str) -> None:
        raise AssertionError("nothing is copied")

    def metadata(self, bucket: str, key: str, version_id: str | None = None) -> Mapping[str, str]:
        return self.metadata_of[key]

    def delete_prefix(self, bucket: str, prefix: str) -> int:
        raise AssertionError("nothing is deleted")


@dataclass
class Scanner:
    """Pictures of pages: what is on each, or None where the model fails. A page takes 4 s."""

    texts: Mapping[int, str | None]
    score: float = 1.0
    now: float = 0.0
    looked_at: list[int] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    picture: bool = False

    def lines(self, number: int) -> Sequence[RecognisedLine]:
        self.looked_at.append(number)
        self.now += 4
        text = self.texts.get(number, "")
        if text is None:
            raise ModelFailure("no")
        lines = enumerate(text.split("\n")) if text else ()
        return [line(n, each, self.score) for n, each in lines]

    @contextmanager
    def open(self, bucket: str, key: str, picture: bool) -> Iterator[Scanner]:
        self.opened.append(key)
        self.picture = picture
        yield self

    def clock(self) -> float:
        return self.now


def line(n: int, text: str, score: float) -> RecognisedLine:
    top, right = n * 30.0, 12.0 * len(text)
    words = tuple(
        StandingWord(word, (40.0 * at, top, 40.0 * at + 900, top + 20), score)
        for at, word in enumerate(text.split())
    )
    corners = ((0.0, top), (right, top), (right, top + 20), (0.0, top + 20))
    return RecognisedLine(corners, text, score, words)


def recognise(
    scanner: Scanner, texts: Sequence[str], asked: Sequence[int], part: int | None = None
) -> tuple[RecogniseResult, list[Page]]:
    key = f"{PREFIX}pages.jsonl" if part is None else f"{PREFIX}parts/{part:04d}/pages.jsonl"
    pages = [Page(page=n, text=text) for n, text in enumerate(texts, 1)]
    objects = Objects({key: dump_lines(pages)})
    request = RecogniseRequest(
        **PLACE,
        bucket="b",
        correlation_id="c",
        part=part,
        pages=len(pages),
        recognise=tuple(asked),
        picture=False,
    )
    deps = core.Deps(objects, scanner.open, "a-model", scanner.clock, memory_gb=2.0)
    result = core.run(request, deps)
    assert objects.metadata_of[key] == {"lines": str(len(pages))}
    return result, parse_lines(objects.kept[key], Page, len(pages))


def test_only_the_pages_named_are_looked_at_and_filled() -> None:
    scanner = Scanner({2: "On the second\npage.", 4: "On the fourth."})
    result, pages = recognise(scanner, ["One.", "", "Three.", ""], [2, 4])
    assert [page.text for page in pages] == [
        "One.", "On the second\npage.", "Three.", "On the fourth.",
    ]  # fmt: skip
    assert (scanner.looked_at, scanner.opened) == ([2, 4], [PREFIX + "source"])
    assert (result.recognised, result.still_empty, result.remaining) == (2, (), ())
    assert result.characters == sum(len(page.text) for page in pages)
    assert (result.images, result.model) == (2, "a-model")
    assert (result.recognising.seconds, result.recognising.gb_seconds) == (8, 16)
    assert (result.recognising.requests, result.recognising.images) == (1, 2)


def test_the_words_of_pages_are_kept_with_their_confidence() -> None:
    scanner = Scanner({2: "On the\nother side."}, score=0.987)
    kept = [
        PageWords(page=1, width=595, height=842, words=(WordBox(0, 4, 1, 2, 3, 4),)),
        PageWords(page=2, width=595, height=842, words=()),
    ]
    pages = [Page(page=1, text="One."), Page(page=2, text="")]
    objects = Objects(
        {f"{PREFIX}pages.jsonl": dump_lines(pages), f"{PREFIX}words.jsonl": dump_lines(kept)}
    )
    request = RecogniseRequest(
        **PLACE,
        bucket="b",
        correlation_id="c",
        part=None,
        pages=2,
        recognise=(2,),
        picture=False,
    )
    core.run(request, core.Deps(objects, scanner.open, "m", scanner.clock, memory_gb=2.0))
    first, second = parse_lines(objects.kept[f"{PREFIX}words.jsonl"], PageWords, 2)
    assert first == kept[0]
    assert second.words == (
        WordBox(0, 2, 0, 0, 595, 20, 0.99),
        WordBox(3, 6, 40, 0, 595, 20, 0.99),
        WordBox(7, 12, 0, 30, 595, 50, 0.99),
        WordBox(13, 18, 40, 30, 595, 50, 0.99),
    )
    assert objects.metadata_of[f"{PREFIX}words.jsonl"] == {"lines": "2"}


@pytest.mark.parametrize("calls", [1, 2])
def test_what_is_read_in_a_picture_stands_below_what_is_seen(calls: int) -> None:
    seen = "Picture a.png: menu"
    labels = (Label(name="menu", share=0.9),)
    pages = [Page(page=1, text=seen, described=len(seen), labels=labels)]
    keys = f"{PREFIX}pages.jsonl", f"{PREFIX}words.jsonl"
    sizes = [PageWords(page=1, width=2000, height=900)]
    objects = Objects({keys[0]: dump_lines(pages), keys[1]: dump_lines(sizes)})
    scanner = Scanner({1: "Soup of the day."})
    request = RecogniseRequest(
        **PLACE,
        bucket="b",
        correlation_id="c",
        part=None,
        pages=1,
        recognise=(1,),
        picture=True,
    )
    for _ in range(calls):
        deps = core.Deps(objects, scanner.open, "m", scanner.clock, memory_gb=2.0)
        result = core.run(request, deps)
    assert scanner.picture
    (page,) = parse_lines(objects.kept[keys[0]], Page, 1)
    assert page.text == f"{seen}\n\nSoup of the day."
    assert (page.described, page.labels) == (len(seen), labels)
    (words,) = parse_lines(objects.kept[keys[1]], PageWords, 1)
    assert words.words is not None
    assert [page.text[word.start : word.end] for word in words.words] == [
        "Soup",
        "of",
        "the",
        "day.",
    ]
    assert result.notices == ("The text of the picture was recognised; letters may be wrong.",)
    assert (result.recognised, result.characters) == (1, len(page.text))


def test_a_picture_without_text_says_so_and_keeps_what_is_seen() -> None:
    pages = [Page(page=1, text="Picture a.png: cat", described=18)]
    objects = Objects({f"{PREFIX}pages.jsonl": dump_lines(pages)})
    scanner = Scanner({})
    request = RecogniseRequest(
        **PLACE,
        bucket="b",
        correlation_id="c",
        part=None,
        pages=1,
        recognise=(1,),
        picture=True,
    )
    result = core.run(request, core.Deps(objects, scanner.open, "m", scanner.clock, memory_gb=2.0))
    assert (result.recognised, result.still_empty) == (0, (1,))
    assert result.notices == ("No text was found on the picture.",)
    assert parse_lines(objects.kept[f"{PREFIX}pages.jsonl"], Page, 1) == pages


def test_what_was_recognised_is_a_line_of_the_receipt() -> None:
    used = Spent(seconds=8, gb_seconds=16, images=2)
    nothing = nothing_spent()
    usage = IngestUsage(
        "m", 0, reading=nothing, chunking=nothing, embedding=nothing, put_bytes=0, recognising=used
    )
    found = ingest_receipt(usage, lambda _, quantity: round(quantity))
    (line,) = (line for line in found.lines if line.role == "recognising")
    assert (line.model, line.priced_as, line.images) == ("rapidocr-ppocrv6-small", "lambda", 2)
    assert found.images == 2


def test_the_pages_of_a_part_are_filled_where_they_lie() -> None:
    result, pages = recognise(Scanner({1: "Text."}), [""], [1], part=3)
    assert (result.recognised, pages[0].text) == (1, "Text.")


def test_a_page_without_text_stays_empty_and_is_reported() -> None:
    result, pages = recognise(Scanner({2: "Text."}), ["", "", ""], [1, 2, 3])
    assert (result.recognised, result.still_empty) == (1, (1, 3))
    assert [page.text for page in pages] == ["", "Text.", ""]
    assert "No text was found on pages 1, 3." in result.notices


def test_a_page_that_the_model_fails_on_costs_no_other_page() -> None:
    result, pages = recognise(Scanner({1: None, 2: "Text."}), ["", ""], [1, 2])
    assert (result.recognised, result.still_empty) == (1, (1,))
    assert "The recognition of page 1 failed." in result.notices
    assert pages[1].text == "Text."


def test_one_call_looks_at_a_bounded_number_of_pages_and_names_the_rest() -> None:
    scanner = Scanner({})
    result, _ = recognise(scanner, [""] * 30, range(1, 31))
    assert len(scanner.looked_at) == result.images == core.MAX_PAGES
    assert result.remaining == tuple(range(core.MAX_PAGES + 1, 31))


def test_one_call_begins_no_page_late_but_always_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "MAX_SECONDS", 9.0)
    result, _ = recognise(Scanner({}), [""] * 8, range(1, 9))
    assert (result.images, result.remaining) == (3, (4, 5, 6, 7, 8))
    monkeypatch.setattr(core, "MAX_SECONDS", 0.0)
    result, _ = recognise(Scanner({}), [""] * 8, range(1, 9))
    assert result.images == 1


def test_repeating_a_call_changes_nothing() -> None:
    scanner = Scanner({1: "Text on a page."})
    first, pages = recognise(scanner, [""], [1])
    second, again = recognise(scanner, [page.text for page in pages], [1])
    assert again == pages
    assert (second.recognised, second.characters) == (first.recognised, first.characters)


def test_text_of_the_page_s_own_layer_stays_unless_much_more_is_recognised() -> None:
    scanner = Scanner({1: "A title page", 2: "Scanned 2026\nand the whole text of the page."})
    result, pages = recognise(scanner, ["A title page", "Scanned 2026"], [1, 2])
    assert pages[0].text == "A title page"
    assert pages[1].text == "Scanned 2026\nand the whole text of the page."
    assert result.recognised == 2


def test_headings_of_the_outline_head_what_is_recognised() -> None:
    page = Page(page=1, text="", headings=((0, "Winter"),))
    found = text_page(page, [line(0, "It is cold.", 1.0)])
    assert (found.text, found.headings) == ("It is cold.", ((0, "Winter"),))


def test_what_is_uncertain_is_said() -> None:
    result, _ = recognise(Scanner({1: "T3xt"}, score=0.7), [""], [1])
    assert result.notices == (
        "The text of page 1 was recognised from pictures; letters may be wrong.",
        "Much of page 1 is uncertain; compare it with the original.",
    )


def test_a_page_that_is_not_there_is_a_conflict() -> None:
    with pytest.raises(Conflict, match="Page 3 is to be recognised"):
        recognise(Scanner({}), ["", ""], [3])
