from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.retrieval.text.segmentation import MAX_SEGMENT, split_segments
from chalicelib.retrieval.text.segments import statement_of

MARKED = """- one
1. two
Key: value
key:
name = 4
Some words. It ends.
Lead-in:
====
# Title
; remark
> said
[part]
```
-v, --all

a     b
a     c
| a | b |
| - | - |
:field: text
>>> call()
."""
LINES = st.sampled_from([*MARKED.splitlines(), "x" * 700, "Words " * 120])
INDENTS = st.sampled_from(["", "  ", "    ", "\t", "        "])
OUTLINES = st.lists(st.tuples(INDENTS, LINES), max_size=30).map(
    lambda pairs: "\n".join(indent + line for indent, line in pairs)
)
MARKS = st.text(alphabet=st.sampled_from("aB1 .:=\n\t->|#[]`;é。"), max_size=200)


def statements(text: str, kind: str = "") -> list[str]:
    return [
        statement_of(text, segment)
        for segment in split_segments(text)
        if not kind or segment.kind == kind
    ]


@given(OUTLINES | MARKS | st.text())
@example("```\n~~~\n\n```")
@example("> \n>\n")
def test_should_hold_every_visible_character_in_exact_slices(text: str) -> None:
    segments = split_segments(text)
    assert segments == sorted(segments, key=lambda segment: (segment.start, -segment.end))
    held = bytearray(len(text))
    for segment in segments:
        slices = [segment.span, *segment.context]
        for span in slices:
            part = text[span.start : span.end]
            assert part == part.strip() != ""
        assert segment.end - segment.start <= MAX_SEGMENT
        assert all(span.end <= segment.start for span in segment.context), segment
        held[segment.start : segment.end] = b"1" * (segment.end - segment.start)
        statement_of(text, segment)
    assert all(held[at] for at, mark in enumerate(text) if not mark.isspace())


@pytest.mark.parametrize(
    "unit",
    ["- a\n", "key:\n  b: 1\n\n", "a\n  b\n", "> q\n", "| a |\n", "x: y\n", "```\n"],
)
def test_should_read_a_long_text_in_one_pass(unit: str) -> None:
    segments = split_segments(unit * 5_000)
    assert segments[0].start == 0


def test_should_read_growing_indentation() -> None:
    text = "\n".join(" " * n + "key:" for n in range(1_500))
    assert max(len(segment.context) for segment in split_segments(text)) < 6


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("Host: example.org\nPort: 22", "field", ["Host: example.org", "Port: 22"]),
        (":Author: Ann\n:Version: 2", "field", [":Author: Ann", ":Version: 2"]),
        ("# Size in MB\nmax = 50", "field", ["Size in MB: max = 50"]),
        ("[http]\n; Listens here.\nport=80", "field", ["[http]: Listens here. port=80"]),
        ("a:\n  b:\n    c: 1\n  d: 2", "field", ["a: b: c: 1", "a: d: 2"]),
        ("Name     Ann\nAge      7", "field", ["Name Ann", "Age 7"]),
        ("From: a@b.c\nSubject: Hi\n\nText.", "field", ["From: a@b.c", "Subject: Hi"]),
        ("term\n    Its text.", "definition", ["term: Its text."]),
        ("-v, --verbose\n       say more", "definition", ["-v, --verbose: say more"]),
        (
            "n : int\n    How many.\nm : int\n    More.",
            "field",
            ["n : int How many.", "m : int More."],
        ),
        ("It reads:\n\n- CSV\n- XML", "item", ["It reads: CSV", "It reads: XML"]),
        ("It reads:\n\n- CSV\n- XML", "list", ["It reads: CSV; XML"]),
        ("Needs\n\n- a\n- b", "item", ["Needs: a", "Needs: b"]),
        ("Run this:\n\n    make\n    make test", "code", ["Run this: make make test"]),
        ("Run it.\n\n```\nmake\n```", "code", ["Run it. ``` make ```"]),
        ("Energy\n\n| a | b |\n| - | - |\n| 1 | 2 |", "row", ["Energy: a: 1; b: 2"]),
        (
            "The pump is red. It hums.",
            "sentence",
            ["The pump is red.", "The pump is red. It hums."],
        ),
        (
            "Die Pumpe ist rot. Sie summt.",
            "sentence",
            ["Die Pumpe ist rot.", "Die Pumpe ist rot. Sie summt."],
        ),
        ("Ann wrote:\n> one\n> two.", "sentence", ["Ann wrote: one two."]),
        ("Title\n=====\n\nText that goes on.", "heading", ["Title"]),
        (
            "We read three kinds of file: CSV,\nJSON and XML. Other kinds fail.",
            "sentence",
            ["We read three kinds of file: CSV,\nJSON and XML.", "Other kinds fail."],
        ),
    ],
)
def test_should_join_what_belongs_together(text: str, kind: str, expected: list[str]) -> None:
    assert statements(text, kind) == expected


def test_should_give_each_sentence_of_a_long_definition_its_term() -> None:
    text = "timeout\n    " + " ".join(f"Sentence {n} tells more of it." for n in range(40))
    assert not statements(text, "definition")
    said = statements(text, "sentence")
    assert len(said) == 40
    assert all(each.startswith("timeout: Sentence") for each in said)


def test_should_share_a_lead_in_among_the_items_of_a_list_too_long_for_one_segment() -> None:
    text = "Steps:\n\n" + "\n".join(f"{n}. Turn the valve number {n} slowly." for n in range(1, 60))
    assert not statements(text, "list")
    assert all(each.startswith("Steps: Turn") for each in statements(text, "item"))


@pytest.mark.parametrize("bullet", ["\u2022", "\u25fc", "\u27a2", "\uf0b7", "\uf0a7"])
def test_should_know_bullets_of_word_and_of_pdf(bullet: str) -> None:
    """Word writes those of Symbol and Wingdings as private characters, and so does a PDF of it."""
    text = f"Bring these:\n{bullet} a torch\n{bullet} a rope"
    assert statements(text, "item") == ["Bring these: a torch", "Bring these: a rope"]


def test_should_end_a_list_with_the_next_paragraph() -> None:
    said = statements("It reads:\n\n- CSV\n- XML\n\nIt is free of charge.", "sentence")
    assert said == ["It is free of charge."]
