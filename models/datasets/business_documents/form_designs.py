"""Designs of forms that training sees; some boxes stay empty, with their labels there."""

from __future__ import annotations

from collections.abc import Sequence

from models.datasets.business_documents.form_facts import FORM_FIELDS, marital_options
from models.datasets.business_documents.invoice_designs import footer
from models.datasets.business_documents.pen import Pen
from models.datasets.business_documents.sheet import Run, plain

CHOICES = ("marital_status", "newsletter", "smoker")
_SMALLEST = 5.0
FIELDS = tuple(name for name in FORM_FIELDS if name not in CHOICES)


def options(pen: Pen, concept: str) -> tuple[tuple[str, bool], ...]:
    """Return what a question offers, and which of it is chosen."""
    fact = pen.facts.single.get(concept)
    chosen = None if fact is None else fact.value
    if concept == "marital_status":
        return tuple((each, each == chosen) for each in marital_options(pen.choice.language))
    return ((pen.label("yes"), chosen is True), (pen.label("no"), chosen is False))


def ticked(pen: Pen, concept: str, x: float, y: float, *, drawn: bool) -> float:
    """Write the options of a question, the chosen one with a cross; return where they end.

    A `drawn` box is a frame with an X in it; others are brackets.
    """
    for text, chosen in options(pen, concept):
        mark = concept if chosen else None
        if drawn:
            pen.sheet.box(x, y, pen.size, pen.size)
            pieces: tuple[Run, ...] = (("X", None),) if chosen else ()
            pen.sheet.write(x + 1.5, y, pieces, size=pen.size - 0.5, style="B")
            x = pen.sheet.write(x + pen.size + 4, y, ((text, mark),), size=pen.size) + 14
        else:
            bracket = "[X] " if chosen else "[ ] "
            x = pen.sheet.write(x, y, ((bracket, None), (text, mark)), size=pen.size) + 12
    return x


def filled(pen: Pen, concept: str, x: float, y: float, width: float) -> None:
    """Write a value as who filled the form did, smaller where its box is narrow; nothing where the
    box stayed empty.
    """
    if pen.has(concept):
        value, size = pen.value(concept), pen.size + 0.5
        while size > _SMALLEST and pen.sheet.measure(plain(value), size) > width:
            size -= 0.5
        pen.sheet.write(x, y, value, size=size)


def pick(pen: Pen, least: int = 8) -> list[str]:
    """Return the fields that a form has, in its own order of blocks."""
    count = pen.rng.randrange(least, len(FIELDS) + 1)
    chosen = set(pen.rng.sample(FIELDS, count))
    return [name for name in FIELDS if name in chosen]


def _heading(pen: Pen) -> None:
    footer(pen)
    pen.sheet.add_page()
    pen.title("form_title", 16)
    pen.y = pen.sheet.paragraph(pen.left, pen.y, pen.width, pen.note(), size=pen.size - 1) + 10


def _questions(pen: Pen, x: float, *, drawn: bool, gap: float = 150) -> None:
    for concept in CHOICES:
        pen.sheet.write(x, pen.y, pen.label(concept), size=pen.size)
        ticked(pen, concept, x + gap, pen.y, drawn=drawn)
        pen.y += 2 * pen.size


def underlined(pen: Pen) -> None:
    """Labels left, values on a line, brackets to tick."""
    _heading(pen)
    for concept in pick(pen):
        end = pen.sheet.write(pen.left, pen.y, f"{pen.label(concept)}:", size=pen.size)
        start = max(pen.left + 130, end + 6)
        filled(pen, concept, start, pen.y, pen.right - start)
        pen.sheet.rule(start - 2, pen.y + 1.2 * pen.size, pen.right, pen.y + 1.2 * pen.size)
        pen.y += 2.1 * pen.size
    _questions(pen, pen.left, drawn=False)


def boxes(pen: Pen) -> None:
    """Boxes in two columns with small labels in their upper corners."""
    _heading(pen)
    _grid(pen, pick(pen), 2, inside=True)
    _questions(pen, pen.left, drawn=True)


def boxes_below(pen: Pen) -> None:
    """Labels above empty frames, in three columns."""
    _heading(pen)
    _grid(pen, pick(pen), 3, inside=False)
    _questions(pen, pen.left, drawn=True)


def _grid(pen: Pen, names: Sequence[str], columns: int, *, inside: bool) -> None:
    step, small = pen.width / columns, pen.size - 2
    high = 2.9 * pen.size
    for at, concept in enumerate(names):
        column = at % columns
        x = pen.left + column * step
        pen.sheet.write(x + 3, pen.y + 2, pen.label(concept), size=small, colour=60)
        below = small + 5
        top = pen.y if inside else pen.y + below
        pen.sheet.box(x, top, step - (0 if inside else 8), high if inside else 1.8 * pen.size)
        filled(pen, concept, x + 4, pen.y + below + 2, step - 14)
        if column == columns - 1 or at == len(names) - 1:
            pen.y += high if inside else below + 2.5 * pen.size
    pen.y += 10


def table(pen: Pen) -> None:
    """Draw a table of two columns: questions and answers."""
    _heading(pen)
    high = 1.9 * pen.size
    share = pen.rng.choice((0.35, 0.45))
    for concept in (*pick(pen), *CHOICES):
        pen.sheet.box(pen.left, pen.y, share * pen.width, high)
        pen.sheet.box(pen.left + share * pen.width, pen.y, (1 - share) * pen.width, high)
        pen.sheet.write(pen.left + 4, pen.y + 4, pen.label(concept), size=pen.size)
        x = pen.left + share * pen.width + 4
        if concept in CHOICES:
            ticked(pen, concept, x, pen.y + 4, drawn=False)
        else:
            filled(pen, concept, x, pen.y + 4, pen.right - x)
        pen.y += high


def numbered(pen: Pen) -> None:
    """Numbered questions, each with its answer on the line below."""
    _heading(pen)
    for number, concept in enumerate((*pick(pen), *CHOICES), start=1):
        pen.sheet.write(
            pen.left, pen.y, f"{number}. {pen.label(concept)}", size=pen.size, style="B"
        )
        below = pen.y + 1.3 * pen.size
        if concept in CHOICES:
            ticked(pen, concept, pen.left + 16, below, drawn=True)
        else:
            filled(pen, concept, pen.left + 16, below, pen.width)
        pen.y += 3 * pen.size


def dotted(pen: Pen) -> None:
    """Two columns of labels, each followed by dots that the value is written over or not at all."""
    _heading(pen)
    names, half = pick(pen), pen.width / 2
    top = pen.y
    for at, concept in enumerate(names):
        column, row = divmod(at, (len(names) + 1) // 2)
        x, y = pen.left + column * half, top + row * 2.4 * pen.size
        end = pen.sheet.write(x, y, f"{pen.label(concept)} ", size=pen.size)
        if pen.has(concept):
            filled(pen, concept, end + 3, y, x + half - 8 - end)
        else:
            dots = max(2, int((x + half - 12 - end) / pen.sheet.measure(".", pen.size)))
            pen.sheet.write(end, y, "." * dots, size=pen.size)
        pen.y = max(pen.y, y + 2.4 * pen.size)
    _questions(pen, pen.left, drawn=False, gap=170)


def banded(pen: Pen) -> None:
    """Designed for validation: grey bands with labels, the values below them over the width."""
    _heading(pen)
    names, step = pick(pen), pen.width / 2
    for at in range(0, len(names), 2):
        pen.sheet.box(pen.left, pen.y, pen.width, 1.4 * pen.size, grey=220)
        for column, concept in enumerate(names[at : at + 2]):
            x = pen.left + column * step + 4
            pen.sheet.write(x, pen.y + 2, pen.label(concept), size=pen.size - 1, style="B")
            filled(pen, concept, x, pen.y + 1.7 * pen.size, step - 10)
        pen.y += 3.4 * pen.size
    _questions(pen, pen.left, drawn=True)
