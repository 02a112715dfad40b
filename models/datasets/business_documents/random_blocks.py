"""Blocks of random designs: groups of facts, parties, lists, titles and what repeats on pages."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from models.datasets.business_documents import contract_designs, invoice_designs, receipt_designs
from models.datasets.business_documents import statement_designs as statements
from models.datasets.business_documents.clauses import CLAUSES
from models.datasets.business_documents.form_facts import FORM_FIELDS
from models.datasets.business_documents.item_table import ItemTable, TableDesign
from models.datasets.business_documents.label_look import LabelLook, in_one_line, label_of
from models.datasets.business_documents.labelled_blocks import Area
from models.datasets.business_documents.pen import Pen
from models.datasets.business_documents.sheet import LEADING, Align, Run, plain

Block = Callable[[Pen, Area], float]

_GROUPS = {
    "invoice": (
        invoice_designs.META + invoice_designs.META_MORE,
        invoice_designs.SUMS,
        invoice_designs.BANK,
    ),
    "statement": (("bank_name", *statements.ACCOUNT), statements.SHEET, statements.SUMS),
    "receipt": (
        receipt_designs.META,
        receipt_designs.SUMS,
        (*receipt_designs.PAID, "seller_vat", "seller_phone"),
    ),
    "form": (FORM_FIELDS[:6], FORM_FIELDS[6:12], FORM_FIELDS[12:]),
    "contract": (contract_designs.FACTS, ("signed_on",)),
}
_PARTIES = {
    "invoice": (
        ("seller_name", "seller_address"),
        ("buyer_name", "buyer_address"),
        ("", "delivery_address"),
    ),
    "receipt": (("merchant", "seller_address"),),
}
_TITLES = {
    "invoice": ("invoice_title", "invoice_number"),
    "statement": ("statement_title", "statement_number"),
    "receipt": ("receipt_title", "receipt_number"),
    "form": ("form_title", ""),
    "contract": ("contract_title", "contract_number"),
}
_COLUMNS = {
    "invoice": invoice_designs.ITEMS,
    "receipt": ("quantity", "description", "unit_price", "amount"),
    "statement": statements.BOTH,
    "contract": contract_designs.SCHEDULE,
}
_RETURNED = 0.25
"""Share of the windows of letters that have the sender in a small line above."""
_KEPT = frozenset(("description", "amount", "details", "milestone", "milestone_amount"))
_MOST = 7


def fact_groups(kind: str, rng: random.Random) -> list[list[str]]:
    """Return the labelled facts of a kind in groups of at most seven, in a drawn order."""
    groups = [list(each) for each in _GROUPS[kind]]
    if kind == "form":
        groups = [
            [name for name in each if rng.random() < 0.75 or name == "last_name"] for each in groups
        ]
    if kind in _PARTIES and rng.random() < 0.4:
        moved = [address for _, address in _PARTIES[kind] if rng.random() < 0.6]
        groups.append(moved)
    if rng.random() < 0.35:
        every = [name for group in groups for name in group]
        rng.shuffle(every)
        groups = [every[at : at + 5] for at in range(0, len(every), 5)]
    parted = []
    for group in groups:
        if rng.random() < 0.3:
            rng.shuffle(group)
        size = rng.choice((3, 4, _MOST, _MOST))
        parted += [group[at : at + size] for at in range(0, len(group), size)]
    return parted


def party_blocks(
    pen: Pen, kind: str, look: LabelLook, rng: random.Random
) -> list[tuple[Block, float]]:
    """Return the blocks of who writes and who is written to, and clauses of a contract."""
    if kind == "contract":
        return _clause_blocks(rng)
    made = []
    way = rng.choice(("stacked", "stacked", "stacked", "one line", "apart", "beside"))
    for name, address in _PARTIES.get(kind, ()):
        if not name and not pen.has(address):
            continue
        labelled = not name or rng.random() < 0.6
        draw = _party(look, name, address, way, labelled, rng.choice(("B", "")))
        if name == "buyer_name" and not labelled and rng.random() < _RETURNED:
            draw = _below_sender(draw)
        made.append((draw, 110.0))
    return made


def _below_sender(draw: Block) -> Block:
    """Return a block with a small line of the sender above, as windows of letters have."""

    def drawn(pen: Pen, area: Area) -> float:
        names = pen.known(("seller_name", "seller_address"))
        line = [run for name in names for run in (*in_one_line(pen.value(name)), (", ", None))]
        y = pen.sheet.paragraph(*area, line[:-1], size=0.7 * pen.size) + 3 if line else area.y
        return draw(pen, area._replace(y=y))

    return drawn


def _party(look: LabelLook, name: str, address: str, way: str, labelled: bool, style: str) -> Block:
    def draw(pen: Pen, area: Area) -> float:
        x, y, width = area
        size = pen.size
        label = look.cased(label_of(pen, name or address))
        pieces = pen.value(name) if pen.has(name) else ()
        lines = pen.value(address) if pen.has(address) else ()
        if labelled and way == "beside":
            end = pen.sheet.write(x, y, f"{label}{look.inner}", size=size)
            x, width = end + 8, width - (end + 8 - x)
        elif labelled:
            small = look.label_size * size
            pen.sheet.write(x, y, label, size=small, style=look.label_style, colour=look.colour)
            y += LEADING * small + 1
        if way == "one line":
            between: tuple[Run, ...] = ((", ", None),) if pieces and lines else ()
            whole = (*pieces, *between, *in_one_line(lines))
            return pen.sheet.paragraph(x, y, width, whole, size=size) + 4
        if pieces:
            y = pen.sheet.paragraph(x, y, width, pieces, size=size, style=style)
        if way == "apart" and lines and name:
            y += 3
            of_address = look.cased(label_of(pen, address))
            pen.sheet.write(x, y, of_address, size=look.label_size * size, colour=look.colour)
            y += LEADING * look.label_size * size + 1
        if lines:
            y = pen.sheet.paragraph(x, y, width, lines, size=size)
        return y + 4

    return draw


def _clause_blocks(rng: random.Random) -> list[tuple[Block, float]]:
    made: list[tuple[Block, float]] = []
    for number, purpose in enumerate(CLAUSES, start=1):
        if rng.random() < 0.4:
            mark = rng.choice(("", f"{number}. ", f"§ {number} "))
            made.append((_clause(purpose, mark), 60.0))
    return made


def _clause(purpose: str, mark: str) -> Block:
    def draw(pen: Pen, area: Area) -> float:
        pen.y = area.y
        contract_designs.sentence(pen, purpose, area.x, area.width, number=mark)
        return pen.y

    return draw


def written_title(kind: str, rng: random.Random) -> Block:
    """Return a block with the title of a document, at times with its number."""
    title, number = _TITLES[kind]
    size = rng.choice((1.0, 1.3, 1.6, 2.0))
    side: Align = rng.choice(("L", "L", "C", "R"))
    numbered = bool(number) and rng.random() < 0.3
    between = rng.choice((" ", " no. ", " # ", ": "))

    def draw(pen: Pen, area: Area) -> float:
        x, y, width = area
        pieces: tuple[Run, ...] = ((pen.label(title), None),)
        if numbered and pen.has(number):
            pieces = (*pieces, (between, None), *pen.value(number))
        high = size * pen.size
        if pen.sheet.measure(plain(pieces), high, "B") > width:
            return pen.sheet.paragraph(x, y, width, pieces, size=high, style="B") + 4
        at = {"L": x, "C": x + width / 2, "R": x + width}[side]
        pen.sheet.write(at, y, pieces, size=high, style="B", align=side)
        return y + 1.5 * high

    return draw


def list_block(pen: Pen, kind: str, rng: random.Random) -> Block | None:
    """Return the block that draws the rows of a document, or None where it has none."""
    if kind not in _COLUMNS:
        return None
    names = [each for each in _COLUMNS[kind] if each in _KEPT or rng.random() < 0.75]
    if kind == "statement" and rng.random() < 0.5:
        names = [each for each in statements.SIGNED if each in _KEPT or rng.random() < 0.8]
        names += [] if "entry_amount" in names else ["entry_amount"]
    if rng.random() < 0.3:
        rng.shuffle(names)
    design = TableDesign(
        lines=rng.choice(("all", "rows", "header", "none")),
        shaded=rng.random() < 0.2,
        grey_header=rng.random() < 0.3,
        bare=rng.random() < 0.7,
        summed="",
        spacing=rng.choice((2.0, 4.0, 7.0)),
    )
    way = rng.random() if kind == "receipt" else 1.0

    def draw(pen: Pen, area: Area) -> float:
        pen.y = area.y + 4
        if way < 0.3:
            receipt_designs.rows_in_two_lines(pen)
        elif way < 0.6:
            receipt_designs.rows_in_one_line(pen, counted=way < 0.45)
        else:
            ItemTable(pen, names, design).draw()
        return pen.y + 4

    return draw


def running_lines(pen: Pen, look: LabelLook, rng: random.Random) -> None:
    """Have each page begin or end with lines of its own: pages, the sender, days of printing."""
    way = rng.choice(("none", "footer", "head", "sender", "sender"))
    if way == "footer" and pen.sheet.width >= 300:
        invoice_designs.footer(pen, numbered=rng.random() < 0.5)
    elif way == "head" and pen.sheet.width >= 300:
        statements.running_head(pen)
    elif way == "sender" and pen.sheet.width >= 300:
        names = ("seller_name", "seller_address", "seller_phone", "seller_email", "seller_iban")
        shown = [name for name in names if rng.random() < 0.6]
        _sender(pen, look, shown, rng)


def _sender(pen: Pen, look: LabelLook, names: Sequence[str], rng: random.Random) -> None:
    between, labelled = rng.choice((" | ", " - ", "   ")), rng.random() < 0.5
    low = rng.random() < 0.6

    def draw(_: object) -> None:
        line: list[Run] = []
        for name in pen.known(names):
            if labelled and name not in ("seller_name", "seller_address"):
                line.append((f"{look.cased(label_of(pen, name))} ", None))
            line += [*in_one_line(pen.value(name)), (between, None)]
        if line:
            y = pen.sheet.height - 38 if low else 12
            pen.sheet.paragraph(pen.left, y, pen.width, line[:-1], size=pen.size - 2)

    pen.sheet.on_page(draw)
