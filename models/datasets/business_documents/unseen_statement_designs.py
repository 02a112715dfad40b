"""Designs of bank statements for tests alone, made apart from those of training."""

from __future__ import annotations

from models.datasets.business_documents.item_table import ItemTable, TableDesign
from models.datasets.business_documents.labelled_blocks import Area, write_value
from models.datasets.business_documents.pen import Pen
from models.datasets.business_documents.sheet import plain
from models.datasets.business_documents.unseen_blocks import (
    facts_in_lines,
    four_cells,
    labels_below,
    sidebar,
    sums_in_a_row,
)

_WHO = ("account_holder", "iban", "bic", "account_number", "currency")
_WHEN = ("statement_number", "statement_date", "period_start", "period_end")
_SUMS = ("opening_balance", "total_credits", "total_debits", "closing_balance")


def _page_line(pen: Pen) -> None:
    def draw(_: object) -> None:
        text = f"{pen.label('statement_title')} / {pen.label('page')} {pen.sheet.page}"
        pen.sheet.write(pen.left, pen.sheet.height - 30, text, size=pen.size - 2)

    pen.sheet.on_page(draw)


def _below(pen: Pen, height: float) -> None:
    if pen.y + height > pen.bottom + 10:
        pen.sheet.add_page()
        pen.y = 44


def ledger(pen: Pen) -> None:
    """Draw the balance first in each row, wide apart, values over lines above."""
    _page_line(pen)
    pen.sheet.add_page()
    area = Area(pen.left, pen.y, pen.width)
    pen.y = labels_below(pen, ("bank_name", *_WHO, *_WHEN), area, columns=3) + 6
    ItemTable(
        pen,
        ("reference", "booking_date", "entry_amount", "balance", "details"),
        TableDesign(lines="header", summed="", spacing=9, repeated=True),
    ).draw()
    _below(pen, 60)
    sums_in_a_row(pen, _SUMS, Area(pen.left, pen.y, pen.width))


def entries(pen: Pen) -> None:
    """Draw each entry in two lines, its particulars with labels in the second one."""
    _page_line(pen)
    pen.sheet.add_page()
    third = pen.width / 3
    side = sidebar(pen, (*_WHEN, *_SUMS), Area(pen.right - third, pen.y, third))
    if pen.has("bank_name"):
        pen.y = write_value(pen, pen.left, pen.y, pen.width / 2, "bank_name", size=15)
    pen.y += 10
    for name in pen.known(_WHO):
        pen.sheet.write(pen.left, pen.y, pen.label(name), size=pen.size - 2)
        pen.y = write_value(pen, pen.left + 90, pen.y, third, name)
    pen.y = max(pen.y, side) + 14
    dates = [
        plain(pen.cell(at, row, "booking_date", bare=True)) for at, row in enumerate(pen.facts.rows)
    ]
    beside = pen.left + 12 + max(pen.sheet.measure(day, pen.size, "B") for day in dates)
    for at, row in enumerate(pen.facts.rows):
        _below(pen, 4 * pen.size)
        day = pen.cell(at, row, "booking_date", bare=True)
        pen.sheet.write(pen.left, pen.y, day, size=pen.size, style="B")
        money = pen.cell(at, row, "entry_amount", bare=False)
        pen.sheet.write(pen.right, pen.y, money, size=pen.size, style="B", align="R")
        text = pen.cell(at, row, "details", bare=True)
        end = pen.sheet.paragraph(beside, pen.y, pen.right - 90 - beside, text, size=pen.size)
        value = pen.cell(at, row, "value_date", bare=True)
        line = [(f"{pen.label('value_date')} ", None), *value]
        code = pen.cell(at, row, "reference", bare=True)
        if code:
            line += [(f", {pen.label('reference')} ", None), *code]
        pen.sheet.write(beside, end, line, size=pen.size - 1.5)
        pen.y = end + 2 * pen.size


def digest(pen: Pen) -> None:
    """Draw facts in running lines and four cells a row, credits before debits, sums in a line."""
    _page_line(pen)
    pen.sheet.add_page()
    pen.sheet.write(pen.right, pen.y, pen.label("statement_title"), size=20, align="R")
    pen.y += 34
    pen.y = facts_in_lines(pen, ("bank_name", *_WHO[:3]), Area(pen.left, pen.y, pen.width)) + 4
    pen.y = four_cells(pen, (*_WHO[3:], *_WHEN), Area(pen.left, pen.y, pen.width)) + 8
    ItemTable(
        pen,
        ("booking_date", "details", "credit", "debit", "balance"),
        TableDesign(lines="rows", summed="", spacing=7, bare=False, grey_header=True),
    ).draw()
    _below(pen, 40)
    facts_in_lines(pen, _SUMS, Area(pen.left, pen.y, pen.width), between="  >>  ")
