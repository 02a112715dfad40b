"""Designs of bank statements that training sees."""

from __future__ import annotations

from models.datasets.business_documents.invoice_designs import footer, room
from models.datasets.business_documents.item_table import ItemTable, TableDesign
from models.datasets.business_documents.labelled_blocks import (
    Area,
    label_row,
    label_table,
    labels_above,
    labels_left,
    write_value,
)
from models.datasets.business_documents.pen import Pen

ACCOUNT = ("account_holder", "iban", "bic", "account_number", "currency")
SHEET = ("statement_number", "statement_date", "period_start", "period_end")
SUMS = ("opening_balance", "total_debits", "total_credits", "closing_balance")
BOTH = ("booking_date", "value_date", "details", "reference", "debit", "credit", "balance")
SIGNED = ("booking_date", "details", "reference", "entry_amount", "balance")


def running_head(pen: Pen) -> None:
    """Have each page name the bank and its own number."""

    def draw(_: object) -> None:
        small = pen.size - 1
        if pen.has("bank_name"):
            pen.sheet.write(pen.left, 24, pen.value("bank_name"), size=small, colour=100)
        page = f"{pen.label('page')} {pen.sheet.page}"
        pen.sheet.write(pen.right, 24, page, size=small, align="R", colour=100)

    pen.sheet.on_page(draw)


def _bank(pen: Pen, size: float = 13) -> None:
    if pen.has("bank_name"):
        pen.y = write_value(pen, pen.left, pen.y, pen.width / 2, "bank_name", style="B", size=size)


def classic(pen: Pen) -> None:
    """Labels left at both sides, debits and credits in columns of their own, sums below."""
    footer(pen)
    pen.sheet.add_page()
    _bank(pen)
    pen.title("statement_title", 14)
    half = pen.width / 2
    end = labels_left(pen, ACCOUNT, Area(pen.left, pen.y, half - 10), gap=100.0)
    other = labels_left(pen, SHEET, Area(pen.left + half, pen.y, half), gap=110.0)
    pen.y = max(end, other) + 12
    ItemTable(pen, BOTH, TableDesign(lines="rows", summed="")).draw()
    room(pen, 90)
    labels_left(pen, SUMS, Area(pen.right - 250, pen.y, 250), value_right=True)


def boxed(pen: Pen) -> None:
    """Facts in boxes with labels above, a table with all lines, sums above it."""
    footer(pen)
    pen.sheet.add_page()
    _bank(pen)
    pen.title("statement_title", 17)
    pen.y = labels_above(
        pen, ACCOUNT + SHEET, Area(pen.left, pen.y, pen.width), columns=3, boxed=True
    )
    pen.y = label_row(pen, SUMS, Area(pen.left, pen.y + 8, pen.width)) + 8
    ItemTable(pen, SIGNED, TableDesign(lines="all", grey_header=True, summed="")).draw()


def carried(pen: Pen) -> None:
    """Signed amounts; sums carried from page to page; balances before and after the table."""
    running_head(pen)
    pen.sheet.add_page()
    pen.y += 10
    _bank(pen, 11)
    pen.title("statement_title", 12)
    pen.y = labels_left(pen, SHEET + ACCOUNT, Area(pen.left, pen.y, pen.width)) + 10
    pen.y = labels_left(pen, SUMS[:1], Area(pen.left, pen.y, pen.width), value_right=True) + 4
    ItemTable(
        pen,
        ("booking_date", "details", "reference", "entry_amount"),
        TableDesign(lines="header", carried="carried", summed="entry_amount"),
    ).draw()
    room(pen, 70)
    labels_left(pen, SUMS[1:], Area(pen.left, pen.y, pen.width), value_right=True, leader=" .")


def shaded(pen: Pen) -> None:
    """Shaded rows without lines, a summary table at the right, a period in one line."""
    footer(pen)
    pen.sheet.add_page()
    _bank(pen, 16)
    half = pen.width / 2
    end = labels_above(pen, ACCOUNT, Area(pen.left, pen.y + 4, half - 20))
    other = label_table(pen, SUMS, Area(pen.left + half, pen.y + 4, half), share=0.55, right=True)
    pen.y = max(end, other) + 4
    pen.title("statement_title", 13)
    if pen.has("period_start") and pen.has("period_end"):
        text = (
            (f"{pen.label('period')}: ", None),
            *pen.value("period_start"),
            (" - ", None),
            *pen.value("period_end"),
        )
        pen.sheet.write(pen.left, pen.y, text, size=pen.size)
        pen.y += 1.4 * pen.size
    pen.y = labels_left(pen, SHEET[:2], Area(pen.left, pen.y, pen.width)) + 8
    ItemTable(
        pen,
        ("booking_date", "details", "debit", "credit", "balance"),
        TableDesign(lines="none", shaded=True, summed="", spacing=5, bare=pen.rng.random() < 0.5),
    ).draw()


def printed(pen: Pen) -> None:
    """As a printer of lines: no lines, the header on the first page only, numbers beside the last
    line of a text.
    """
    running_head(pen)
    pen.sheet.add_page()
    pen.y += 12
    pen.y = labels_left(
        pen, ("bank_name", *ACCOUNT, *SHEET), Area(pen.left, pen.y, pen.width), gap=160.0, leader=""
    )
    pen.y += 8
    pen.y = labels_left(pen, SUMS[:1], Area(pen.left, pen.y, pen.width), gap=160.0) + 8
    ItemTable(
        pen,
        ("booking_date", "value_date", "details", "entry_amount", "balance"),
        TableDesign(lines="none", repeated=False, summed="", spacing=2, last_line=True),
    ).draw()
    room(pen, 70)
    labels_left(pen, SUMS[1:], Area(pen.left, pen.y, pen.width), gap=160.0)


def summary_first(pen: Pen) -> None:
    """Draw a table of facts, a row of sums, and the account's holder in a window."""
    footer(pen)
    pen.sheet.add_page()
    pen.sheet.write(pen.right, pen.y, pen.label("statement_title"), size=15, style="B", align="R")
    _bank(pen, 12)
    pen.y += 16
    if pen.has("account_holder"):
        pen.y = write_value(pen, pen.left, pen.y, pen.width / 2, "account_holder", style="B")
        address = pen.facts.address()
        pen.y = pen.sheet.paragraph(pen.left, pen.y, pen.width / 2, address, size=pen.size) + 14
    pen.y = label_table(
        pen, ACCOUNT[1:] + SHEET, Area(pen.left, pen.y, pen.width * 0.6), share=0.45
    )
    pen.y = label_row(pen, SUMS, Area(pen.left, pen.y + 4, pen.width), lined=False) + 6
    ItemTable(
        pen,
        ("booking_date", "reference", "details", "debit", "credit"),
        TableDesign(lines="rows", summed="", grey_header=True),
    ).draw()
    room(pen, 40)
    pen.sheet.paragraph(pen.left, pen.y, pen.width, pen.note(), size=pen.size - 1)


def narrow(pen: Pen) -> None:
    """Designed for validation: facts in two columns of labels above, sums after the table."""
    footer(pen)
    pen.sheet.add_page()
    pen.title("statement_title", 15)
    pen.y = labels_above(
        pen, ("bank_name", *ACCOUNT, *SHEET), Area(pen.left, pen.y, pen.width), columns=2
    )
    ItemTable(
        pen,
        ("value_date", "details", "credit", "debit", "balance"),
        TableDesign(lines="header", summed="", spacing=6),
    ).draw()
    room(pen, 90)
    label_table(pen, SUMS, Area(pen.left, pen.y, 260), right=True)
