"""Designs of invoices that training sees."""

from __future__ import annotations

from models.datasets.business_documents.item_table import ItemTable, TableDesign
from models.datasets.business_documents.labelled_blocks import (
    Area,
    label_row,
    label_table,
    labels_above,
    labels_left,
    party,
)
from models.datasets.business_documents.pen import Pen

META = ("invoice_number", "invoice_date", "due_date", "delivery_date", "order_number")
META_MORE = ("customer_number", "payment_terms", "buyer_vat")
SUMS = (
    *("discount", "shipping", "subtotal", "tax_rate", "tax_amount", "total", "amount_paid"),
    "amount_due",
)
BANK = ("seller_iban", "seller_bic", "seller_vat", "seller_phone", "seller_email")
ITEMS = ("position", "sku", "description", "quantity", "unit", "unit_price", "line_tax", "amount")


def room(pen: Pen, height: float) -> None:
    """Go to a new page if there is no room of a height below."""
    if pen.y + height > pen.bottom + 20:
        pen.sheet.add_page()
        pen.y = 60


def footer(pen: Pen, *, numbered: bool = True) -> None:
    """Have each page end with what nobody asks for: its number, a register, a day of printing."""
    register = pen.facts.number_like(("HRB ^####", "B^##.###", "^## ### ###"))
    printed = pen.facts.style.date(pen.facts.day())

    def draw(_: object) -> None:
        y = pen.sheet.height - 40
        small = pen.size - 2
        text = f"{pen.label('registration')} {register}"
        pen.sheet.write(pen.left, y, text, size=small, colour=110)
        if numbered:
            page = f"{pen.label('page')} {pen.sheet.page}"
            pen.sheet.write(pen.right, y, page, size=small, align="R", colour=110)
        pen.sheet.write(
            pen.sheet.width / 2,
            y + 10,
            f"{pen.label('print_date')} {printed}",
            size=small,
            colour=110,
        )

    pen.sheet.on_page(draw)


def letter(pen: Pen) -> None:
    """Draw a letter: parties at the left, labelled facts at the right, rows between lines."""
    footer(pen)
    pen.sheet.add_page()
    half = pen.width / 2
    end = party(pen, "seller_name", "seller_address", Area(pen.left, pen.y, half), labelled=False)
    pen.y = end + 14
    top = pen.y
    end = party(pen, "buyer_name", "buyer_address", Area(pen.left, pen.y, half - 20))
    other = labels_left(
        pen, META + META_MORE, Area(pen.left + half, top, half), gap=pen.rng.choice((None, 110.0))
    )
    pen.y = max(end, other) + 16
    pen.title("invoice_title", 16)
    pen.y = (
        pen.sheet.paragraph(pen.left, pen.y, pen.width, pen.facts.phrase("intro"), size=pen.size)
        + 4
    )
    ItemTable(pen, ITEMS, TableDesign(lines="rows", bare=pen.rng.random() < 0.7)).draw()
    room(pen, 130)
    pen.y = (
        labels_left(pen, SUMS, Area(pen.right - 220, pen.y, 220), value_right=True, leader=":") + 10
    )
    room(pen, 90)
    pen.y = pen.sheet.paragraph(pen.left, pen.y, pen.width, pen.note(), size=pen.size) + 6
    labels_left(pen, BANK, Area(pen.left, pen.y, pen.width))


def grid(pen: Pen) -> None:
    """Boxes everywhere: labels above values, all lines around cells, sums in a table."""
    footer(pen)
    pen.sheet.add_page()
    pen.title("invoice_title", 20)
    half = pen.width / 2
    end = party(pen, "seller_name", "seller_address", Area(pen.left, pen.y, half - 10))
    other = party(pen, "buyer_name", "buyer_address", Area(pen.left + half, pen.y, half - 10))
    pen.y = max(end, other) + 10
    grey = pen.rng.random() < 0.5
    pen.y = labels_above(
        pen, META + META_MORE, Area(pen.left, pen.y, pen.width), columns=3, boxed=True, grey=grey
    )
    pen.y += 12
    design = TableDesign(lines="all", grey_header=grey, carried=pen.rng.choice(("", "carried")))
    ItemTable(pen, ITEMS, design).draw()
    room(pen, 160)
    pen.y = label_table(
        pen,
        SUMS,
        Area(pen.right - 240, pen.y, 240),
        right=True,
        strong=pen.rng.choice(("", "total")),
    )
    room(pen, 60)
    labels_above(pen, BANK, Area(pen.left, pen.y, pen.width), columns=3)


def band(pen: Pen) -> None:
    """Draw a grey band with the title, facts in a table of two rows, shaded rows, dotted sums."""
    footer(pen, numbered=False)
    pen.sheet.add_page()
    pen.sheet.box(0, pen.y - 8, pen.sheet.width, 34, grey=205)
    pen.title("invoice_title", 18)
    pen.y += 10
    end = party(
        pen, "buyer_name", "buyer_address", Area(pen.left, pen.y, pen.width / 2), bold=False
    )
    other = party(
        pen, "seller_name", "seller_address", Area(pen.right - 190, pen.y, 190), labelled=False
    )
    pen.y = max(end, other) + 12
    pen.y = label_row(pen, META, Area(pen.left, pen.y, pen.width)) + 4
    pen.y = label_row(pen, META_MORE, Area(pen.left, pen.y, pen.width)) + 8
    ItemTable(
        pen,
        ("description", "sku", "quantity", "unit_price", "line_tax", "amount"),
        TableDesign(lines="header", shaded=True, bare=False, spacing=6),
    ).draw()
    room(pen, 130)
    pen.y = labels_left(pen, SUMS, Area(pen.right - 260, pen.y, 260), leader=" .", value_right=True)
    room(pen, 80)
    pen.y += 10
    pen.y = labels_left(pen, BANK, Area(pen.left, pen.y, pen.width), gap=90.0, leader="")
    pen.sheet.paragraph(pen.left, pen.y + 8, pen.width, pen.note(), size=pen.size - 1)


def ahead(pen: Pen) -> None:
    """Set the sums before the items; two columns of labels above values; rows without lines."""
    footer(pen)
    pen.sheet.add_page()
    third = pen.width / 3
    end = party(pen, "seller_name", "seller_address", Area(pen.left, pen.y, third - 8))
    middle = party(pen, "buyer_name", "buyer_address", Area(pen.left + third, pen.y, third - 8))
    other = labels_above(pen, META, Area(pen.left + 2 * third, pen.y, third))
    pen.y = max(end, middle, other) + 10
    pen.title("invoice_title", 14)
    half = pen.width / 2
    end = label_table(pen, SUMS, Area(pen.left, pen.y, half - 16), share=0.6, strong="total")
    other = labels_left(pen, META_MORE + BANK, Area(pen.left + half, pen.y, half))
    pen.y = max(end, other) + 16
    ItemTable(
        pen,
        ("quantity", "unit", "description", "unit_price", "amount"),
        TableDesign(lines="none", carried=pen.rng.choice(("", "subtotal")), spacing=5),
    ).draw()
    room(pen, 40)
    pen.sheet.paragraph(pen.left, pen.y, pen.width, pen.note(), size=pen.size)


def typed(pen: Pen) -> None:
    """As typed: one size, no lines, labels and values down the left, sums under the amounts."""
    footer(pen)
    pen.sheet.add_page()
    pen.sheet.write(
        pen.sheet.width / 2, pen.y, pen.label("invoice_title"), size=pen.size, align="C"
    )
    pen.y += 2.5 * pen.size
    pen.y = party(
        pen, "seller_name", "seller_address", Area(pen.left, pen.y, pen.width), bold=False
    )
    pen.y = labels_left(pen, BANK, Area(pen.left, pen.y, pen.width)) + 12
    pen.y = labels_left(pen, META, Area(pen.left, pen.y, pen.width), gap=150.0) + 6
    pen.y = party(pen, "buyer_name", "buyer_address", Area(pen.left, pen.y, pen.width), bold=False)
    pen.y = labels_left(pen, META_MORE, Area(pen.left, pen.y, pen.width), gap=150.0) + 16
    ItemTable(
        pen,
        ("position", "description", "quantity", "unit_price", "amount"),
        TableDesign(lines="none", repeated=False, spacing=2, last_line=pen.rng.random() < 0.4),
    ).draw()
    room(pen, 150)
    for concept in pen.known(SUMS):
        text = ((f"{pen.label(concept)}  ", None), *pen.value(concept))
        pen.sheet.write(pen.right - 4, pen.y, text, size=pen.size, align="R")
        pen.y += 1.25 * pen.size
    pen.sheet.paragraph(pen.left, pen.y + 14, pen.width, pen.note(), size=pen.size)


def columned(pen: Pen) -> None:
    """Facts beside the buyer in rows with lines, a second currency, a footer of three columns."""
    footer(pen)
    pen.sheet.add_page()
    pen.sheet.write(pen.right, pen.y, pen.label("invoice_title"), size=22, align="R")
    pen.y = party(
        pen, "seller_name", "seller_address", Area(pen.left, pen.y, pen.width / 2), labelled=False
    )
    pen.y += 18
    half = pen.width / 2
    end = party(pen, "buyer_name", "buyer_address", Area(pen.left, pen.y, half - 20))
    other = label_table(pen, META + META_MORE, Area(pen.left + half, pen.y, half), share=0.45)
    pen.y = max(end, other) + 10
    ItemTable(
        pen,
        ("sku", "description", "quantity", "unit", "unit_price", "amount"),
        TableDesign(lines="all", grey_header=True, carried=pen.rng.choice(("", "subtotal"))),
    ).draw()
    room(pen, 170)
    pen.y = (
        labels_left(pen, SUMS, Area(pen.right - 230, pen.y, 230), leader="", value_right=True) + 4
    )
    yen = pen.facts.style.number(pen.facts.money(1_000, 90_000), 0)
    foreign = f"{pen.label('other_currency')}: JPY {yen}"
    pen.sheet.write(pen.right, pen.y, foreign, size=pen.size - 1, align="R")
    room(pen, 70)
    pen.y += 20
    labels_above(pen, BANK, Area(pen.left, pen.y, pen.width), columns=3)


def open_letter(pen: Pen) -> None:
    """Designed for validation: facts in one line below the title, buyer at the right."""
    footer(pen)
    pen.sheet.add_page()
    pen.title("invoice_title", 15)
    pen.y = label_row(pen, META, Area(pen.left, pen.y, pen.width), lined=False) + 4
    half = pen.width / 2
    end = labels_left(pen, META_MORE + BANK, Area(pen.left, pen.y, half - 20), gap=95.0)
    other = party(pen, "buyer_name", "buyer_address", Area(pen.left + half, pen.y, half))
    other = party(pen, "seller_name", "seller_address", Area(pen.left + half, other + 8, half))
    pen.y = max(end, other) + 12
    ItemTable(
        pen,
        ("position", "description", "unit_price", "quantity", "amount"),
        TableDesign(lines="rows", bare=False, spacing=8),
    ).draw()
    room(pen, 150)
    labels_above(pen, SUMS, Area(pen.left + half, pen.y, half), columns=2)
