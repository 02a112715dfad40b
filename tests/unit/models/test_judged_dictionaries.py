from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.judged_search import dictd, foldoc, wordnet
from models.judged_search.collection import Frozen, Judged, freeze, frozen, half_of
from models.judged_search.dictd import Article

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def written(value: int) -> str:
    """Return a number as dictfmt writes it."""
    digits = DIGITS[value % 64]
    while value := value // 64:
        digits = DIGITS[value % 64] + digits
    return digits


def dictionary(folder: Path, *articles: tuple[tuple[str, ...], str]) -> None:
    """Write a dictionary `small` of articles by headwords."""
    text, index = b"", []
    for headwords, article in articles:
        place = f"{written(len(text))}\t{written(len(article.encode()))}"
        index += [f"{headword}\t{place}" for headword in headwords]
        text += article.encode()
    (folder / "small.dict.dz").write_bytes(gzip.compress(text))
    (folder / "small.index").write_text("\n".join(index), encoding="utf-8")


@given(st.integers(0, 2**40))
def test_numbers_should_come_back(value: int) -> None:
    assert dictd.number(written(value)) == value


@pytest.mark.parametrize("bad", ["", "a b", "ä", "=="])
def test_what_is_no_number_should_be_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="no number of a dictd index"):
        dictd.number(bad)


def test_headwords_of_one_place_should_be_one_article_s(tmp_path: Path) -> None:
    about = (("00-database-short",), "About it.")
    dictionary(tmp_path, about, (("mill", "müle"), "A mill: öl."), (("weir",), "A weir."))
    assert list(dictd.articles("small", tmp_path)) == [
        Article(("mill", "müle"), "A mill: öl."),
        Article(("weir",), "A weir."),
    ]


def test_an_index_that_leads_nowhere_should_be_refused(tmp_path: Path) -> None:
    dictionary(tmp_path, (("mill",), "A mill."))
    index = tmp_path / "small.index"
    index.write_text(f"mill\tA\t{written(99)}")
    with pytest.raises(ValueError, match="ends beyond the text"):
        list(dictd.articles("small", tmp_path))
    index.write_text("mill")
    with pytest.raises(ValueError, match="no offset and length"):
        list(dictd.articles("small", tmp_path))


def test_a_dictionary_should_be_there_whole_or_not_at_all(tmp_path: Path) -> None:
    assert not dictd.installed("small", tmp_path)
    dictionary(tmp_path, (("mill",), "A mill."))
    assert dictd.installed("small", tmp_path)


def test_an_entry_should_not_name_itself_nor_show_what_it_sends_to() -> None:
    text = (
        "Slot 2\nSlot-2\n\n   <hardware> A slot that replaced {Slot 1}.  Slot 2s are wide, and so"
        " is slot-2.\n\n   See also {Socket 1}, {reads (reading)}.\n\n   (1999-01-01)\n"
    )
    (entry,) = foldoc.entries([Article(("slot 2",), text)])
    assert entry.text == "A slot that replaced Slot 1. this are wide, and so is this."
    assert entry.related == ("socket 1", "reading")
    assert (entry.id, entry.name) == ("slot 2", "Slot 2")


def test_related_entries_should_be_those_that_are_there() -> None:
    made = [
        foldoc.Entry("a", "A", "text", ("bee", "a", "nowhere")),
        foldoc.Entry("b", "B", "text", ()),
    ]
    found = {entry.id: entry for entry in made}
    aliases = {"bee": "b", "a": "a", "nowhere": "c"}
    assert foldoc.resolved(found, aliases, made[0]) == ["b"]


def test_a_sense_should_tell_its_words_its_gloss_and_its_examples_apart() -> None:
    text = (
        'bank\n    n 1: a building in which banking is transacted; "the bank is on the\n'
        '         corner of Nassau" [syn: {bank}, {bank building}]\n'
        '      2: sloping land\n    v 1: tip laterally; "the pilot had to bank"\n'
    )
    building, land, tip = wordnet.senses(Article(("bank",), text))
    assert (building.id, land.id, tip.id) == ("bank/n/1", "bank/n/2", "bank/v/1")
    assert building.words == ("bank", "bank building")
    assert building.examples == ("the bank is on the corner of Nassau",)
    assert building.text == "bank, bank building\n\na building in which banking is transacted"
    assert (land.words, land.gloss, land.examples) == (("bank",), "sloping land", ())


def test_a_sense_that_is_told_under_each_of_its_words_should_be_one() -> None:
    one = wordnet.Sense("bank/n/1", ("bank", "shore"), "sloping land", ())
    again = wordnet.Sense("shore/n/1", ("shore", "bank"), "sloping land", ())
    assert list(wordnet.distinct([one, again])) == ["bank/n/1"]


def test_a_collection_should_come_back_as_it_was_frozen(tmp_path: Path) -> None:
    made = Frozen(("a", "b"), (Judged("q", "Wörd?", half_of("q"), {"a": 2, "b": 1}),))
    freeze("small", {"source": "a test"}, made, tmp_path)
    assert frozen("small", tmp_path) == made
