"""Designs whose lists are set in many ways, to learn and to test the reading of lists by.

Each draws how its table looks: the order of columns, how numbers stand, lines around cells, titles
or none, titles and sums of groups, amounts that are carried, and rows of two lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from models.datasets.business_documents.invoice_designs import footer, room
from models.datasets.business_documents.item_table import ItemTable, TableDesign
from models.datasets.business_documents.labelled_blocks import Area, label_table, labels_left, party
from models.datasets.business_documents.pen import Pen
from models.datasets.business_documents.statement_designs import running_head

_ITEMS = (
    ("position", "sku", "description", "quantity", "unit", "unit_price", "amount"),
    ("description", "quantity", "unit_price", "line_tax", "amount"),
    ("quantity", "sku", "description", "amount", "unit_price"),
    ("sku", "quantity", "unit", "description", "line_tax", "unit_price", "amount"),
    ("amount", "description", "quantity"),
    ("position", "description", "unit", "unit_price", "quantity", "amount"),
)
_ENTRIES = (
    ("booking_date", "value_date", "reference", "details", "debit", "credit", "balance"),
    ("details", "booking_date", "entry_amount", "balance"),
    ("reference", "booking_date", "details", "credit", "debit"),
    ("balance", "entry_amount", "details", "value_date", "booking_date"),
    ("booking_date", "details", "entry_amount"),
    ("value_date", "details", "debit", "credit", "reference"),
)


def _table(
    pen: Pen, orders: Sequence[tuple[str, ...]], below: tuple[str, ...], summed: str
) -> None:
    """Draw the rows in a way that is drawn."""
    rng = pen.rng
    order = rng.choice(orders)
    stacked = tuple(name for name in order if name in below) if rng.random() < 0.25 else ()
    grouped = rng.choice((0, 0, 0, 7, 12))
    design = TableDesign(
        lines=rng.choice(("all", "rows", "header", "none", "none")),
        repeated=rng.random() < 0.6,
        carried="" if grouped else rng.choice(("", "", "carried", "subtotal")),
        summed=summed if summed in order else "",
        shaded=rng.random() < 0.2,
        grey_header=rng.random() < 0.2,
        bare=rng.random() < 0.7,
        last_line=rng.random() < 0.15,
        spacing=float(rng.choice((2, 4, 4, 7))),
        headed=rng.random() < 0.85,
        numbers=rng.choice(("R", "R", "R", "L", "C")),
        gap=float(rng.choice((5, 8, 8, 12))),
        below=stacked,
        group=grouped,
        subtotals=rng.random() < 0.5,
    )
    if not design.summed:
        design = replace(design, carried="", subtotals=False)
    ItemTable(pen, [name for name in order if name not in stacked], design).draw()


def items(pen: Pen) -> None:
    """Draw an invoice of few facts and a table of items."""
    footer(pen, numbered=pen.rng.random() < 0.5)
    pen.sheet.add_page()
    pen.title("invoice_title", 15)
    half = pen.width / 2
    end = party(pen, "buyer_name", "buyer_address", Area(pen.left, pen.y, half - 20))
    meta = ("invoice_number", "invoice_date", "due_date")
    other = labels_left(pen, meta, Area(pen.left + half, pen.y, half))
    pen.y = max(end, other) + float(pen.rng.choice((8, 14, 24)))
    _table(pen, _ITEMS, ("sku", "unit"), "amount")
    room(pen, 110)
    sums = ("subtotal", "tax_rate", "tax_amount", "total")
    if pen.rng.random() < 0.5:
        label_table(pen, sums, Area(pen.right - 230, pen.y, 230), right=True)
    else:
        labels_left(pen, sums, Area(pen.right - 230, pen.y, 230), value_right=True)


def entries(pen: Pen) -> None:
    """Draw a statement of few facts and a table of entries."""
    running_head(pen)
    pen.sheet.add_page()
    pen.y += 10
    pen.title("statement_title", 14)
    facts = ("account_holder", "iban", "statement_date", "opening_balance")
    pen.y = labels_left(pen, facts, Area(pen.left, pen.y, pen.width), gap=130.0)
    pen.y += float(pen.rng.choice((8, 14, 24)))
    _table(pen, _ENTRIES, ("reference", "value_date"), "entry_amount")
    room(pen, 60)
    labels_left(pen, ("closing_balance",), Area(pen.left, pen.y, pen.width), value_right=True)
