"""Designs of contracts that training sees: values in sentences, in tables, or in both."""

from __future__ import annotations

from models.datasets.business_documents.clauses import CLAUSES, clause, filler
from models.datasets.business_documents.invoice_designs import footer, room
from models.datasets.business_documents.item_table import ItemTable, TableDesign
from models.datasets.business_documents.labelled_blocks import (
    Area,
    label_row,
    label_table,
    labels_above,
    labels_left,
)
from models.datasets.business_documents.pen import Pen

FACTS = (
    *("contract_number", "party_a", "party_b", "effective_date", "end_date", "fee", "deposit"),
    *("notice_period", "place"),
)
SCHEDULE = ("milestone", "milestone_date", "milestone_amount")


def sentence(pen: Pen, purpose: str, x: float, width: float, *, number: str = "") -> None:
    """Write a clause and some of what stands beside it, and go below."""
    pieces = clause(pen, purpose)
    if pieces:
        text = ((number, None), *pieces, (f" {filler(pen)}", None))
        pen.y = pen.sheet.paragraph(x, pen.y, width, text, size=pen.size) + 6


def _signature(pen: Pen) -> None:
    room(pen, 70)
    pen.y += 10
    pieces = clause(pen, "signed")
    if pieces:
        pen.sheet.write(pen.left, pen.y, pieces, size=pen.size)
    pen.y += 3 * pen.size
    for x in (pen.left, pen.left + pen.width / 2):
        pen.sheet.rule(x, pen.y, x + 150, pen.y)
        pen.sheet.write(x, pen.y + 3, pen.label("signature"), size=pen.size - 2)


def _schedule(pen: Pen, design: TableDesign) -> None:
    room(pen, 80)
    ItemTable(pen, SCHEDULE, design).draw()


def clauses(pen: Pen) -> None:
    """Draw numbered clauses of prose, then a table of payments."""
    footer(pen)
    pen.sheet.add_page()
    pen.title("contract_title", 17)
    pen.y = labels_left(pen, FACTS[:1], Area(pen.left, pen.y, pen.width)) + 8
    for number, purpose in enumerate(CLAUSES, start=1):
        sentence(pen, purpose, pen.left, pen.width, number=f"{number}. ")
    _schedule(pen, TableDesign(lines="all", summed="", bare=False))
    _signature(pen)


def cover(pen: Pen) -> None:
    """Draw a table of facts above clauses that have none of them."""
    footer(pen)
    pen.sheet.add_page()
    pen.title("contract_title", 15)
    pen.y = label_table(pen, FACTS, Area(pen.left, pen.y, pen.width), share=0.35) + 6
    for _ in range(4):
        pen.y = pen.sheet.paragraph(pen.left, pen.y, pen.width, filler(pen), size=pen.size) + 4
    _schedule(pen, TableDesign(lines="rows", summed="", grey_header=True))
    _signature(pen)


def columns(pen: Pen) -> None:
    """Draw prose in two narrow columns."""
    footer(pen)
    pen.sheet.add_page()
    pen.title("contract_title", 14)
    pen.y = labels_left(pen, FACTS[:1], Area(pen.left, pen.y, pen.width)) + 8
    top, bottom, half = pen.y, pen.y, pen.width / 2
    for column, purposes in enumerate((CLAUSES[:3], CLAUSES[3:])):
        pen.y = top
        for purpose in purposes:
            sentence(pen, purpose, pen.left + column * half, half - 14)
        bottom = max(bottom, pen.y)
    pen.y = bottom + 6
    _schedule(pen, TableDesign(lines="header", summed=""))
    _signature(pen)


def headed(pen: Pen) -> None:
    """Draw clauses below headings that name them."""
    footer(pen)
    pen.sheet.add_page()
    pen.sheet.write(pen.sheet.width / 2, pen.y, pen.label("contract_title"), size=16, align="C")
    pen.y += 34
    headings = dict(zip(CLAUSES, FACTS[1:2] + FACTS[3:4] + FACTS[5:], strict=True))
    for number, purpose in enumerate(CLAUSES, start=1):
        if clause(pen, purpose):
            heading = f"§ {number} {pen.label(headings[purpose])}"
            pen.sheet.write(pen.left, pen.y, heading, size=pen.size, style="B")
            pen.y += 1.4 * pen.size
            sentence(pen, purpose, pen.left, pen.width)
    _schedule(pen, TableDesign(lines="none", summed="", shaded=True))
    pen.y = labels_left(pen, FACTS[:1], Area(pen.left, pen.y, pen.width))
    _signature(pen)


def twice(pen: Pen) -> None:
    """Draw facts in boxes, and again in the clauses below."""
    footer(pen)
    pen.sheet.add_page()
    pen.title("contract_title", 15)
    area = Area(pen.left, pen.y, pen.width)
    pen.y = labels_above(pen, FACTS, area, columns=3, boxed=True) + 8
    for purpose in CLAUSES:
        sentence(pen, purpose, pen.left, pen.width)
    _schedule(pen, TableDesign(lines="all", summed="", grey_header=True))
    _signature(pen)


def letter(pen: Pen) -> None:
    """Draw a letter that is agreed to: parties in a row, one paragraph of clauses."""
    footer(pen)
    pen.sheet.add_page()
    pen.title("contract_title", 13)
    pen.y = label_row(pen, FACTS[:3], Area(pen.left, pen.y, pen.width), lined=False) + 6
    pieces = [piece for purpose in CLAUSES[1:] for piece in (*clause(pen, purpose), (" ", None))]
    pen.y = pen.sheet.paragraph(pen.left, pen.y, pen.width, pieces, size=pen.size) + 10
    _schedule(pen, TableDesign(lines="rows", summed="", headed=True, bare=False))
    _signature(pen)


def listed(pen: Pen) -> None:
    """Design for validation: facts down the left with dots, the clauses after the payments."""
    footer(pen)
    pen.sheet.add_page()
    pen.title("contract_title", 18)
    area = Area(pen.left, pen.y, pen.width * 0.8)
    pen.y = labels_left(pen, FACTS, area, leader=" .", value_right=True) + 10
    _schedule(pen, TableDesign(lines="header", summed="", spacing=7))
    for _ in range(3):
        pen.y = pen.sheet.paragraph(pen.left, pen.y, pen.width, filler(pen), size=pen.size) + 4
    _signature(pen)
