"""Designs of invoices and receipts for tests alone, made apart from those of training."""

from __future__ import annotations

from models.datasets.business_documents.item_table import ItemTable, TableDesign
from models.datasets.business_documents.labelled_blocks import Area, write_value
from models.datasets.business_documents.pen import Pen
from models.datasets.business_documents.sheet import plain
from models.datasets.business_documents.unseen_blocks import (
    facts_in_lines,
    four_cells,
    labels_after,
    labels_below,
    sidebar,
    sums_in_a_row,
)

_DATES = ("invoice_number", "invoice_date", "due_date", "delivery_date")
_CUSTOMER = ("order_number", "customer_number", "payment_terms", "buyer_vat")
_SUMS = ("discount", "shipping", "subtotal", "tax_rate", "tax_amount", "amount_paid", "amount_due")
_BANK = ("seller_vat", "seller_phone", "seller_email", "seller_iban", "seller_bic")
_TILL = ("receipt_number", "date", "time", "cashier")
_PAID = ("subtotal", "tax_rate", "tax_amount", "payment_method", "card_number", "cash_given")


def _below(pen: Pen, height: float) -> None:
    if pen.y + height > pen.sheet.height - 30:
        pen.sheet.add_page()
        pen.y = 50


def _numbered(pen: Pen) -> None:
    code = pen.facts.code("##/####")

    def draw(_: object) -> None:
        top = f"{pen.sheet.page}  -  {pen.label('registration')} {code}"
        pen.sheet.write(pen.right, 18, top, size=pen.size - 2, align="R")

    pen.sheet.on_page(draw)


def side_column(pen: Pen) -> None:
    """Draw a column of facts at the right edge, everything else in the rest of the width."""
    _numbered(pen)
    pen.sheet.add_page()
    wide, right = pen.width * 0.66, pen.right
    column = Area(pen.left + wide + 14, pen.y, pen.width - wide - 14)
    side = sidebar(pen, (*_DATES, *_CUSTOMER, *_BANK), column)
    pen.sheet.rule(pen.left + wide + 4, pen.y, pen.left + wide + 4, max(side, 300))
    pen.y = write_value(pen, pen.left, pen.y, wide, "seller_name", style="B", size=14)
    if pen.has("seller_address"):
        address = pen.facts.single["seller_address"].raw
        pieces = ((address.replace("\n", " - "), None),)
        pen.y = pen.sheet.paragraph(pen.left, pen.y, wide, pieces, size=pen.size - 2)
    pen.y += 24
    for name in pen.known(("buyer_name", "buyer_address")):
        pen.y = write_value(pen, pen.left, pen.y, wide, name)
    pen.y += 26
    pen.title("invoice_title", 24)
    pen.y = max(pen.y, side) + 10
    ItemTable(
        pen,
        ("description", "amount", "quantity", "unit_price", "line_tax"),
        TableDesign(lines="header", spacing=9),
    ).draw()
    pen.right = right
    _below(pen, 70)
    sums_in_a_row(pen, (*_SUMS, "total"), Area(pen.left, pen.y, pen.width))


def in_lines(pen: Pen) -> None:
    """Draw facts in running lines, a large total above the items, the bank at the very end."""
    _numbered(pen)
    pen.sheet.add_page()
    pen.sheet.write(pen.left, pen.y, pen.value("seller_name"), size=pen.size + 5)
    pen.sheet.write(pen.right, pen.y, pen.value("total"), size=pen.size + 7, style="B", align="R")
    pen.y += 22
    pen.sheet.write(pen.right, pen.y, pen.label("total"), size=pen.size - 1, align="R")
    pen.title("invoice_title", 12)
    area = Area(pen.left, pen.y, pen.width)
    pen.y = facts_in_lines(pen, _DATES, area) + 2
    pen.y = facts_in_lines(pen, _CUSTOMER, Area(pen.left, pen.y, pen.width), between="; ") + 12
    start = pen.sheet.write(pen.left, pen.y, pen.label("buyer_name"), size=pen.size, style="I") + 12
    for name in pen.known(("buyer_name", "buyer_address")):
        pen.y = write_value(pen, start, pen.y, pen.right - start, name)
    pen.y += 16
    ItemTable(
        pen,
        ("position", "quantity", "unit", "sku", "description", "unit_price", "amount"),
        TableDesign(lines="none", carried="carried", grey_header=True, last_line=True, spacing=3),
    ).draw()
    _below(pen, 60)
    pen.y = facts_in_lines(pen, _SUMS, Area(pen.left, pen.y, pen.width), between="   ")
    pen.y = pen.sheet.paragraph(pen.left, pen.y + 6, pen.width, pen.note(), size=pen.size)
    facts_in_lines(pen, _BANK, Area(pen.left, pen.y + 6, pen.width), between=" / ")


def under_lines(pen: Pen) -> None:
    """Draw values over lines with their labels below, and a table of four cells a row."""
    _numbered(pen)
    pen.sheet.add_page()
    pen.sheet.write(pen.sheet.width / 2, pen.y, pen.label("invoice_title"), size=18, align="C")
    pen.y += 36
    area = Area(pen.left, pen.y, pen.width)
    pen.y = labels_below(pen, ("seller_name", "buyer_name", *_DATES), area, columns=2)
    pen.y = four_cells(pen, (*_CUSTOMER, *_BANK), Area(pen.left, pen.y, pen.width)) + 8
    ItemTable(
        pen,
        ("sku", "description", "unit_price", "quantity", "amount"),
        TableDesign(lines="rows", bare=False, carried="subtotal", spacing=12),
    ).draw()
    _below(pen, 150)
    labels_below(pen, (*_SUMS, "total"), Area(pen.right - 300, pen.y, 300), columns=2)


def kiosk(pen: Pen) -> None:
    """Draw a roll with amounts at the left, before what was bought."""
    pen.sheet.add_page()
    pen.y = facts_in_lines(pen, _TILL, Area(pen.left, pen.y, pen.width), between="  ") + 6
    for at, row in enumerate(pen.facts.rows):
        _below(pen, 40)
        amount = pen.cell(at, row, "amount", bare=False)
        pen.sheet.write(pen.left + 52, pen.y, amount, size=pen.size, align="R")
        count = pen.cell(at, row, "quantity", bare=True)
        text = (
            *pen.cell(at, row, "description", bare=True),
            *(((" *", None), *count) if count else ()),
        )
        pen.y = pen.sheet.paragraph(pen.left + 60, pen.y, pen.width - 60, text, size=pen.size)
    pen.y += 10
    _below(pen, 150)
    total = ((f"{pen.label('total')} ", None), *pen.value("total"))
    pen.sheet.write(pen.left, pen.y, total, size=pen.size + 3, style="B")
    pen.y += 2 * pen.size
    pen.y = facts_in_lines(pen, (*_PAID, "change"), Area(pen.left, pen.y, pen.width), between="\n")
    for name in pen.known(("merchant", "seller_address", "seller_phone", "seller_vat")):
        pen.y = write_value(pen, pen.left, pen.y, pen.width, name)


def counter(pen: Pen) -> None:
    """Draw a sheet with a stamp of the shop at the right, sums in a row above the items."""
    pen.sheet.add_page()
    half = pen.width / 2
    top = pen.y
    pen.y = labels_below(pen, _TILL, Area(pen.left, top, half - 20), columns=1)
    y = top
    for name in pen.known(("merchant", "seller_address", "seller_phone", "seller_vat")):
        y = write_value(pen, pen.left + half + 8, y + 2, half - 16, name)
    pen.sheet.box(pen.left + half, top - 4, half, y - top + 10)
    pen.y = sums_in_a_row(
        pen,
        ("subtotal", "tax_rate", "tax_amount", "total"),
        Area(pen.left, max(pen.y, y) + 12, pen.width),
    )
    ItemTable(
        pen,
        ("amount", "description", "unit_price", "quantity"),
        TableDesign(lines="rows", spacing=8),
    ).draw()
    _below(pen, 40)
    labels_after(
        pen,
        ("payment_method", "card_number", "cash_given", "change"),
        Area(pen.left, pen.y, pen.width),
    )


def pay_slip(pen: Pen) -> None:
    """Draw a roll with a table of four columns without a header, and labels after values."""
    pen.sheet.add_page()
    if pen.has("merchant"):
        pen.y = write_value(pen, pen.left, pen.y, pen.width, "merchant", style="B", size=10)
    if pen.has("seller_address"):
        flat = plain(pen.value("seller_address")).replace("\n", ", ")
        pen.y = pen.sheet.paragraph(pen.left, pen.y, pen.width, flat, size=pen.size - 1)
    pen.y = labels_after(pen, _TILL, Area(pen.left, pen.y + 4, pen.width)) + 4
    ItemTable(
        pen,
        ("description", "quantity", "unit_price", "amount"),
        TableDesign(lines="none", headed=False, spacing=5),
    ).draw()
    _below(pen, 120)
    labels_below(pen, (*_PAID, "change", "total"), Area(pen.left, pen.y, pen.width), columns=2)
