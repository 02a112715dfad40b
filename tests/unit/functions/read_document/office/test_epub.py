from __future__ import annotations

import pytest

from chalicelib.errors import InvalidInput, Unsupported
from functions.read_document.office import epub
from tests.unit.functions.read_document.office_files import changed, packed, sample, unpacked


def test_a_chapter_named_twice_should_be_read_once() -> None:
    package = unpacked(sample("history.epub"))["OEBPS/book.opf"].decode()
    again = package.replace("</spine>", '<itemref idref="c1"/>' * 1_000 + "</spine>")
    assert len(epub.extract(changed("history.epub", OEBPS__book_opf=again)).pages) == 2


def test_missing_chapters_should_be_said() -> None:
    parts = unpacked(sample("history.epub"))
    del parts["OEBPS/text/two.xhtml"]
    read = epub.extract(packed(parts))
    assert len(read.pages) == 1
    assert read.notices == ("The book names 1 chapters that it does not hold.",)


def test_a_book_without_chapters_should_be_told() -> None:
    package = '<package><manifest/><spine><itemref idref="x"/></spine></package>'
    with pytest.raises(InvalidInput, match="no chapter"):
        epub.extract(changed("history.epub", OEBPS__book_opf=package))


def test_elements_that_xml_closes_in_themselves_should_not_hide_what_follows() -> None:
    page = (
        "<html><head><title/></head><body><p>a<a id='1'/>b<br/>c</p><script/>d<i/>e</body></html>"
    )
    read = epub.extract(changed("history.epub", OEBPS__text__two_xhtml=page))
    assert read.pages[1].text == "ab\nc\n\nde"


def test_a_huge_book_should_be_told() -> None:
    chapter = "".join(f"<p>{n * 7919 % 999983}</p>" for n in range(1_400_000))
    with pytest.raises(Unsupported, match="16 MiB"):
        epub.extract(changed("history.epub", OEBPS__text__two_xhtml=chapter))
