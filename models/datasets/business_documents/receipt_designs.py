"""Designs of receipts that training sees: rolls of a till, and slips."""

from __future__ import annotations

from models.datasets.business_documents.item_table import ItemTable, TableDesign
from models.datasets.business_documents.labelled_blocks import (
    Area,
    label_table,
    labels_left,
    write_value,
)
from models.datasets.business_documents.pen import Pen
from models.datasets.business_documents.sheet import plain

META = ("receipt_number", "date", "time", "cashier")
SUMS = ("subtotal", "tax_rate", "tax_amount", "total")
PAID = ("payment_method", "card_number", "cash_given", "change")


def heading(pen: Pen, *, centred: bool) -> None:
    """Write the shop and its address, and go below."""
    pen.sheet.add_page()
    for concept, style in (("merchant", "B"), ("seller_address", ""), ("seller_phone", "")):
        if not pen.has(concept):
            continue
        if centred and "\n" not in plain(pen.value(concept)):
            middle = pen.sheet.width / 2
            pen.sheet.write(
                middle, pen.y, pen.value(concept), size=pen.size, style=style, align="C"
            )
            pen.y += 1.25 * pen.size
        else:
            pen.y = write_value(pen, pen.left, pen.y, pen.width, concept, style=style)
    pen.y += 4


def thanks(pen: Pen) -> None:
    """End with thanks, and numbers that nobody asks for."""
    pen.y += 8
    pen.sheet.write(pen.sheet.width / 2, pen.y, pen.label("thanks"), size=pen.size, align="C")
    pen.y += 1.4 * pen.size
    code = f"{pen.label('till')} {pen.rng.randrange(1, 20)}   {pen.facts.code('####-####-##')}"
    pen.sheet.write(pen.sheet.width / 2, pen.y, code, size=pen.size - 1, align="C")


def fits(pen: Pen, height: float) -> None:
    """Go to a new piece of paper if there is no room of a height."""
    if pen.y + height > pen.bottom:
        pen.sheet.add_page()
        pen.y = 20


def _divide(pen: Pen) -> None:
    dash = pen.rng.choice("-=*")
    count = int(pen.width / pen.sheet.measure(dash, pen.size))
    pen.sheet.write(pen.left, pen.y, dash * count, size=pen.size)
    pen.y += 1.3 * pen.size


def rows_in_two_lines(pen: Pen) -> None:
    """Write what was bought, and below it how often, for how much, and the amount."""
    for at, row in enumerate(pen.facts.rows):
        fits(pen, 5 * pen.size)
        text = pen.cell(at, row, "description", bare=True)
        pen.y = pen.sheet.paragraph(pen.left, pen.y, pen.width, text, size=pen.size)
        count = pen.cell(at, row, "quantity", bare=True)
        price = pen.cell(at, row, "unit_price", bare=True)
        line = ((*count, (" x ", None)) if count else ()) + price
        pen.sheet.write(pen.left + 10, pen.y, line, size=pen.size)
        amount = pen.cell(at, row, "amount", bare=True)
        pen.sheet.write(pen.right, pen.y, amount, size=pen.size, align="R")
        pen.y += 1.3 * pen.size


def rows_in_one_line(pen: Pen, *, counted: bool) -> None:
    """Write what was bought and the amount at the right, the count before or not at all."""
    for at, row in enumerate(pen.facts.rows):
        fits(pen, 4 * pen.size)
        count = pen.cell(at, row, "quantity", bare=True) if counted else ()
        text = (*count, (" ", None)) if count else ()
        pieces = (*text, *pen.cell(at, row, "description", bare=True))
        amount = pen.cell(at, row, "amount", bare=True)
        room = pen.width - pen.sheet.measure(plain(amount), pen.size) - 8
        top = pen.y
        pen.y = pen.sheet.paragraph(pen.left, top, room, pieces, size=pen.size)
        pen.sheet.write(pen.right, top, amount, size=pen.size, align="R")


def roll(pen: Pen) -> None:
    """Draw a roll with items in two lines and sums at the right."""
    heading(pen, centred=True)
    pen.y = labels_left(pen, META, Area(pen.left, pen.y, pen.width))
    _divide(pen)
    rows_in_two_lines(pen)
    _divide(pen)
    fits(pen, 140)
    pen.y = labels_left(
        pen, SUMS + PAID, Area(pen.left, pen.y, pen.width), leader="", value_right=True
    )
    pen.y = labels_left(pen, ("seller_vat",), Area(pen.left, pen.y + 4, pen.width))
    thanks(pen)


def counted(pen: Pen) -> None:
    """Draw a roll with the count before each item, and date and number at its end."""
    heading(pen, centred=False)
    pen.title("receipt_title", pen.size + 2)
    rows_in_one_line(pen, counted=True)
    _divide(pen)
    fits(pen, 160)
    pen.y = labels_left(pen, SUMS, Area(pen.left, pen.y, pen.width), value_right=True)
    pen.y = labels_left(pen, PAID, Area(pen.left, pen.y + 6, pen.width), value_right=True)
    pen.y = labels_left(pen, META, Area(pen.left, pen.y + 6, pen.width))
    thanks(pen)


def bare(pen: Pen) -> None:
    """Draw a roll with items and amounts alone; day and time stand without labels."""
    heading(pen, centred=True)
    for concept, x, align in (("date", pen.left, "L"), ("time", pen.right, "R")):
        if pen.has(concept):
            pen.sheet.write(
                x, pen.y, pen.value(concept), size=pen.size, align="R" if align == "R" else "L"
            )
    pen.y += 1.5 * pen.size
    rows_in_one_line(pen, counted=False)
    _divide(pen)
    fits(pen, 120)
    pen.y = labels_left(
        pen, ("total", "tax_amount", "subtotal"), Area(pen.left, pen.y, pen.width), value_right=True
    )
    pen.y = labels_left(pen, PAID + META[:1], Area(pen.left, pen.y, pen.width), leader="")
    thanks(pen)


def tabled(pen: Pen) -> None:
    """Draw a roll with a table that has a header."""
    heading(pen, centred=True)
    pen.y = labels_left(pen, META, Area(pen.left, pen.y, pen.width), value_right=True) + 6
    ItemTable(
        pen,
        ("quantity", "description", "amount"),
        TableDesign(lines="header", repeated=False, spacing=2),
    ).draw()
    fits(pen, 120)
    pen.y = labels_left(pen, SUMS + PAID, Area(pen.left, pen.y, pen.width), value_right=True)
    thanks(pen)


def slip(pen: Pen) -> None:
    """Draw a slip on a sheet of paper: a table of items and a table of sums."""
    heading(pen, centred=False)
    pen.title("receipt_title", 16)
    pen.y = labels_left(pen, META, Area(pen.left, pen.y, pen.width), gap=110.0) + 10
    ItemTable(
        pen,
        ("description", "quantity", "unit_price", "amount"),
        TableDesign(lines="all", grey_header=True),
    ).draw()
    fits(pen, 160)
    pen.y = label_table(pen, SUMS, Area(pen.right - 220, pen.y, 220), right=True)
    labels_left(pen, (*PAID, "seller_vat"), Area(pen.left, pen.y, pen.width))


def till(pen: Pen) -> None:
    """Draw a roll whose sums come in a table with lines, cash below."""
    heading(pen, centred=True)
    rows_in_two_lines(pen)
    pen.y += 6
    fits(pen, 200)
    pen.y = label_table(pen, SUMS, Area(pen.left, pen.y, pen.width), share=0.55, right=True)
    pen.y = labels_left(pen, PAID, Area(pen.left, pen.y, pen.width), leader=" .", value_right=True)
    pen.y = labels_left(pen, META, Area(pen.left, pen.y + 6, pen.width), leader="", gap=80.0)
    thanks(pen)


def stub(pen: Pen) -> None:
    """Design for validation: facts first in a table, items with the count before."""
    heading(pen, centred=False)
    pen.y = label_table(pen, META, Area(pen.left, pen.y, pen.width), share=0.45)
    rows_in_one_line(pen, counted=True)
    pen.y += 8
    fits(pen, 120)
    pen.y = labels_left(pen, SUMS + PAID, Area(pen.left, pen.y, pen.width), leader="", gap=90.0)
    thanks(pen)
