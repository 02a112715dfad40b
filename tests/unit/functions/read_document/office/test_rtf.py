from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import HeadraceError, InvalidInput
from functions.read_document.office import rtf


def text(body: str) -> str:
    data = ("{\\rtf1\\ansi\\ansicpg1252\\deff0 " + body + "}").encode("latin-1")
    return "\f".join(page.text for page in rtf.extract(data).pages)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (r"caf\'e9", "café"),
        ("caf\xe9", "café"),
        (r"\u8364?5", "€5"),
        (r"\uc2\u8364??5", "€5"),
        (r"\u-10179?\u-8694?", "😊"),
        (r"a\endash b\~c\_d", "a–b\xa0c\u2011d"),  # noqa: RUF001
        (r"{\*\generator Secret;}shown", "shown"),
        (r"{\info{\title Secret}}shown", "shown"),
        (r"a{\pict\pngblip 89504e47}b", "ab"),
        (r"a{\pict\bin4 }}{{}b", "ab"),
        (r"{\field{\*\fldinst HYPERLINK \"x\"}{\fldrslt link}}", "link"),
        (r"a{\deleted b}c{\v d}{\v0 e}", "ace"),
        (r"{\*\bkmkstart x}a", "a"),
        (r"\u57345?a", "a"),
    ],
)
def test_text_should_be_what_is_shown(body: str, shown: str) -> None:
    assert text(body) == shown


def test_a_font_should_decide_how_bytes_are_read() -> None:
    fonts = r"{\fonttbl{\f0\fcharset0 A;}{\f1\fnil\fcharset161 B;}{\f2\fcharset78 C;}}"
    assert text(fonts + r"\'e1 {\f1 \'e1} {\f2 x}") == "á α x"  # noqa: RUF001


def test_headings_should_be_told_by_their_outline_level() -> None:
    data = rb"{\rtf1\pard\outlinelevel0 A\par\pard b\par\pard\outlinelevel2 C\par\pard d\par}"
    page = rtf.extract(data).pages[0]
    assert page.text == "A\n\nb\n\nC\n\nd"
    assert page.headings == ((0, "A"), (6, "A › C"))  # noqa: RUF001


def test_cells_with_paragraphs_and_bars_should_keep_their_row() -> None:
    row = r"\trowd\cellx1\cellx2\pard\intbl {}\cell {}\cell\row"
    body = row.replace("{}", "a|b", 1).replace("{}", r"c\par d") + row.replace("{}", "1")
    assert text("before\\par " + body + r"\pard after\par").split("\n\n") == [
        "before",
        "| a\\|b | c d |\n| - | - |\n| 1 | 1 |",
        "after",
    ]


def test_text_boxes_should_be_read_and_other_shapes_not() -> None:
    box = r"{\shp{\*\shpinst{\sp{\sn x}{\sv y}}{\shptxt \pard in the box\par}}{\shprslt old}}"
    assert text(f"before {box}\\par after\\par") == "before\n\nin the box\n\nafter"


def test_what_the_library_would_search_again_and_again_should_not_reach_it() -> None:
    links = r"{\field{\*\fldinst{HYPERLINK }}{\fldrslt x}}" * 3_000
    assert text(links) == "x" * 3_000
    fonts = r"{\fonttbl" + r"{\f1\fnil y}" * 20_000 + "}"
    assert text(fonts + "a") == "a"


@pytest.mark.parametrize(
    "data",
    [rb"{\rtf1 cut", rb"{\rtf1 {cut}", b"{" * 2_000 + b"}" * 2_000, rb"{\rtf1 \uc a}", rb"\rtf"],
)
def test_a_damaged_file_should_be_told(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        rtf.extract(data)


@given(
    body=st.lists(
        st.sampled_from(
            [
                *"ab {}|\\",
                r"\cell",
                r"\row",
                r"\par ",
                r"\page ",
                "{",
                r"\footnote ",
                r"\header ",
                r"\shp ",
                r"\shptxt ",
                r"\bin3 ",
                r"\u57347?",
                r"\'e9",
                r"\pict",
                r"\deleted ",
                r"\fonttbl ",
                r"\f1\fcharset2",
                "}",
            ]
        )
    )
)
def test_any_rtf_should_be_read_or_refused_but_never_a_fault(body: list[str]) -> None:
    try:
        pages = rtf.extract(("{\\rtf1 " + "".join(body) + "}").encode()).pages
    except HeadraceError:
        return
    assert pages
