"""Designs of forms and contracts for tests alone, made apart from those of training."""

from __future__ import annotations

from models.datasets.business_documents.clauses import CLAUSES, clause, filler
from models.datasets.business_documents.form_designs import CHOICES, options, pick
from models.datasets.business_documents.item_table import ItemTable, TableDesign
from models.datasets.business_documents.labelled_blocks import Area, write_value
from models.datasets.business_documents.pen import Pen
from models.datasets.business_documents.sheet import Run
from models.datasets.business_documents.unseen_blocks import (
    facts_in_lines,
    four_cells,
    labels_below,
    sidebar,
)

_TERMS = ("effective_date", "end_date", "fee", "deposit", "notice_period", "place")
_PARTIES = ("contract_number", "party_a", "party_b")
_PAYMENTS = ("milestone_amount", "milestone", "milestone_date")


def _begin(pen: Pen, title: str) -> None:
    pen.sheet.add_page()
    pen.sheet.write(pen.sheet.width / 2, pen.y, pen.label(title), size=15, style="B", align="C")
    pen.y += 34


def _circled(pen: Pen) -> None:
    """Write questions with what was chosen between signs, the rest as it is."""
    for concept in CHOICES:
        pieces: list[Run] = [(f"{pen.label(concept)}:  ", None)]
        for text, chosen in options(pen, concept):
            inside: Run = (text, concept if chosen else None)
            pieces += [("(X) ", None), inside] if chosen else [("( ) ", None), inside]
            pieces.append(("   ", None))
        pen.sheet.write(pen.left, pen.y, pieces, size=pen.size)
        pen.y += 1.9 * pen.size


def card(pen: Pen) -> None:
    """Draw answers over lines, what they are below the lines; empty lines stay."""
    _begin(pen, "form_title")
    names, step = pick(pen), pen.width / 2
    for at, concept in enumerate(names):
        column = at % 2
        x = pen.left + column * step
        if pen.has(concept):
            pen.sheet.write(x + 2, pen.y, pen.value(concept), size=pen.size)
        line = pen.y + 1.3 * pen.size
        pen.sheet.rule(x, line, x + step - 16, line)
        pen.sheet.write(x, line + 2, pen.label(concept), size=pen.size - 2.5)
        if column or at == len(names) - 1:
            pen.y += 3.4 * pen.size
    _circled(pen)


def quarters(pen: Pen) -> None:
    """Draw a table of four cells a row: question, answer, question, answer; some stay empty."""
    _begin(pen, "form_title")
    names, high = pick(pen), 2.6 * pen.size
    for at in range(0, len(names), 2):
        for column, concept in enumerate(names[at : at + 2]):
            x = pen.left + column * pen.width / 2
            room = pen.width * 0.2
            pen.sheet.box(x, pen.y, room, high, grey=235)
            pen.sheet.paragraph(x + 3, pen.y + 3, room - 6, pen.label(concept), size=pen.size - 1.5)
            pen.sheet.box(x, pen.y, pen.width / 2, high)
            if pen.has(concept):
                width = pen.width / 2 - room - 8
                pen.sheet.paragraph(
                    x + room + 4, pen.y + 4, width, pen.value(concept), size=pen.size - 1.5
                )
        pen.y += high
    pen.y += 14
    _circled(pen)


def file_card(pen: Pen) -> None:
    """Draw a list of answers at the right edge under bold questions, on the left only notes."""
    _begin(pen, "form_title")
    names = pick(pen)
    column = pen.width * 0.55
    _circled(pen)
    y = pen.y + 6
    for concept in names:
        pen.sheet.write(pen.right - column, y, pen.label(concept), size=pen.size - 1, style="B")
        if pen.has(concept):
            size = pen.size - 0.5
            pen.sheet.write(pen.right, y + 1.2 * pen.size, pen.value(concept), size=size, align="R")
        y += 2.9 * pen.size
    pen.sheet.paragraph(pen.left, pen.y + 20, pen.width * 0.35, pen.note(), size=pen.size - 1)


def deed(pen: Pen) -> None:
    """Draw prose without numbers, the payments before it, amounts in the first column."""
    _begin(pen, "contract_title")
    for purpose in ("parties", "term"):
        pieces = clause(pen, purpose, held_out=True)
        pen.y = pen.sheet.paragraph(pen.left, pen.y, pen.width, pieces, size=pen.size) + 8
    ItemTable(pen, _PAYMENTS, TableDesign(lines="rows", summed="", spacing=9)).draw()
    pieces_of = [
        piece
        for purpose in CLAUSES[2:]
        for piece in (*clause(pen, purpose, held_out=True), (f" {filler(pen)} ", None))
    ]
    pen.y = pen.sheet.paragraph(pen.left, pen.y, pen.width, pieces_of, size=pen.size) + 10
    signed = clause(pen, "signed", held_out=True)
    pen.sheet.paragraph(pen.left, pen.y + 20, pen.width, signed, size=pen.size)


def annex(pen: Pen) -> None:
    """Draw general clauses first, and on the last page an annex with the facts in four cells."""
    _begin(pen, "contract_title")
    for number in range(1, 9):
        text = f"({number}) {filler(pen)} {filler(pen)}"
        pen.y = pen.sheet.paragraph(pen.left, pen.y, pen.width, text, size=pen.size) + 6
    signed = clause(pen, "signed", held_out=True)
    pen.y = pen.sheet.paragraph(pen.left, pen.y + 10, pen.width, signed, size=pen.size)
    pen.sheet.add_page()
    pen.y = 50
    pen.y = labels_below(pen, _PARTIES, Area(pen.left, pen.y, pen.width), columns=3) + 6
    pen.y = four_cells(pen, _TERMS, Area(pen.left, pen.y, pen.width)) + 10
    ItemTable(
        pen, _PAYMENTS[1:] + _PAYMENTS[:1], TableDesign(lines="all", summed="", bare=False)
    ).draw()


def marginal(pen: Pen) -> None:
    """Draw a narrow margin of facts beside the clauses."""
    _begin(pen, "contract_title")
    wide = pen.width * 0.68
    side = sidebar(
        pen, (*_PARTIES, *_TERMS[:2]), Area(pen.left + wide + 10, pen.y, pen.width - wide - 10)
    )
    for purpose in CLAUSES:
        pieces = clause(pen, purpose, held_out=True)
        if pieces:
            pen.y = pen.sheet.paragraph(pen.left, pen.y, wide - 10, pieces, size=pen.size) + 5
        pen.y = pen.sheet.paragraph(pen.left, pen.y, wide - 10, filler(pen), size=pen.size) + 5
    pen.y = max(pen.y, side) + 8
    pen.y = facts_in_lines(pen, _TERMS[2:], Area(pen.left, pen.y, pen.width)) + 8
    ItemTable(pen, _PAYMENTS, TableDesign(lines="header", summed="", spacing=5)).draw()
    if pen.has("signed_on"):
        pen.y += 16
        write_value(pen, pen.left, pen.y, pen.width, "signed_on")
