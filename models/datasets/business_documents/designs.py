"""The designs of documents by kind and split: what tests see is designed apart from training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from models.datasets.business_documents import (
    contract_designs,
    form_designs,
    invoice_designs,
    list_designs,
    receipt_designs,
    statement_designs,
    unseen_form_designs,
    unseen_invoice_designs,
    unseen_statement_designs,
)
from models.datasets.business_documents.pen import Pen

DocumentKind = Literal["invoice", "statement", "form", "receipt", "contract"]
Split = Literal["train", "validation", "test", "lists"]
"""Those of `lists` are drawn for the reading of lists alone, with the words of the training."""
Draw = Callable[[Pen], None]
A4, ROLL = (595.0, 842.0), (226.0, 1_200.0)
"""Widths and heights of paper in points: a sheet, and what a till prints on."""


@dataclass(frozen=True, slots=True)
class DocumentDesign:
    """A design: how the documents of a kind look, and the width and height of its paper."""

    kind: DocumentKind
    split: Split
    draw: Draw
    paper: tuple[float, float] = A4

    @property
    def name(self) -> str:
        """Return its name."""
        return f"{self.kind}_{self.draw.__name__}"


def _of(
    kind: DocumentKind, split: Split, *draws: Draw, narrow: bool = False
) -> tuple[DocumentDesign, ...]:
    paper = ROLL if narrow else A4
    return tuple(DocumentDesign(kind, split, draw, paper) for draw in draws)


DESIGNS: tuple[DocumentDesign, ...] = (
    *_of(
        "invoice",
        "train",
        invoice_designs.letter,
        invoice_designs.grid,
        invoice_designs.band,
        invoice_designs.ahead,
        invoice_designs.typed,
        invoice_designs.columned,
    ),
    *_of("invoice", "validation", invoice_designs.open_letter),
    *_of(
        "statement",
        "train",
        statement_designs.classic,
        statement_designs.boxed,
        statement_designs.carried,
        statement_designs.shaded,
        statement_designs.printed,
        statement_designs.summary_first,
    ),
    *_of("statement", "validation", statement_designs.narrow),
    *_of(
        "form",
        "train",
        form_designs.underlined,
        form_designs.boxes,
        form_designs.boxes_below,
        form_designs.table,
        form_designs.numbered,
        form_designs.dotted,
    ),
    *_of("form", "validation", form_designs.banded),
    *_of(
        "receipt",
        "train",
        receipt_designs.roll,
        receipt_designs.counted,
        receipt_designs.bare,
        receipt_designs.tabled,
        receipt_designs.till,
        narrow=True,
    ),
    *_of("receipt", "train", receipt_designs.slip),
    *_of("receipt", "validation", receipt_designs.stub, narrow=True),
    *_of(
        "contract",
        "train",
        contract_designs.clauses,
        contract_designs.cover,
        contract_designs.columns,
        contract_designs.headed,
        contract_designs.twice,
        contract_designs.letter,
    ),
    *_of("contract", "validation", contract_designs.listed),
    *_of("invoice", "lists", list_designs.items),
    *_of("statement", "lists", list_designs.entries),
    *_of(
        "invoice",
        "test",
        unseen_invoice_designs.side_column,
        unseen_invoice_designs.in_lines,
        unseen_invoice_designs.under_lines,
    ),
    *_of(
        "receipt",
        "test",
        unseen_invoice_designs.kiosk,
        unseen_invoice_designs.pay_slip,
        narrow=True,
    ),
    *_of("receipt", "test", unseen_invoice_designs.counter),
    *_of(
        "statement",
        "test",
        unseen_statement_designs.ledger,
        unseen_statement_designs.entries,
        unseen_statement_designs.digest,
    ),
    *_of(
        "form",
        "test",
        unseen_form_designs.card,
        unseen_form_designs.quarters,
        unseen_form_designs.file_card,
    ),
    *_of(
        "contract",
        "test",
        unseen_form_designs.deed,
        unseen_form_designs.annex,
        unseen_form_designs.marginal,
    ),
)
