"""Cells are judged by the row that their row is, not by its number."""

from __future__ import annotations

from chalicelib.extraction.confidence import CellFacts, ColumnFacts, ListFacts
from chalicelib.extraction.leaves import Leaf, LeafKind, ListField
from chalicelib.extraction.lists import ListReading
from chalicelib.extraction.read_fields import ReadField, ReadList
from models.datasets.business_documents import TrueList, TrueValue
from models.field_ranker.row_truth import judged_cells

FACTS = CellFacts(
    has_text=True,
    is_read=True,
    quality=1.0,
    valid=None,
    ambiguous=False,
    recognised=0.0,
    column=ColumnFacts(1.0, 0.9, 1.0, 1.0),
    of_list=ListFacts(complete=True, agreed=True, summed=False, score=0.9, rows=3),
)
COLUMNS = ("code", "amount")
TRUE = (("A-1", "5.00"), ("B-2", "7.50"), ("C-3", "9.00"))


def read_list(*rows: tuple[str, ...]) -> ReadList:
    leaves = tuple(Leaf((name,), f"/{name}", LeafKind.TEXT, "string") for name in COLUMNS)
    of = ListField(pointer="/rows", path=("rows",), names=("rows",), columns=leaves)
    fields = [
        ReadField(f"/rows/{at}{leaf.pointer}", leaf, value, value, (), FACTS)
        for at, row in enumerate(rows)
        for leaf, value in zip(leaves, row, strict=True)
    ]
    return ReadList(of, ListReading((), len(rows)), tuple(fields))


def true_list() -> TrueList:
    rows = tuple(
        tuple(
            TrueValue(f"/rows/{at}/{name}", name, "text", value)
            for name, value in zip(COLUMNS, row, strict=True)
        )
        for at, row in enumerate(TRUE)
    )
    return TrueList("/rows", rows)


def judged(*rows: tuple[str, ...]) -> list[bool]:
    return [is_right for _, is_right in judged_cells(read_list(*rows), true_list())]


def test_rows_behind_a_missing_one_should_be_right() -> None:
    assert judged(TRUE[1], TRUE[2]) == [True] * 4


def test_a_row_that_is_none_should_be_wrong_and_come_but_once() -> None:
    total = ("Sum", "21.50")
    assert judged(TRUE[0], TRUE[0], TRUE[1], total) == [
        True,
        True,
        *[False] * 2,
        True,
        True,
        *[False] * 2,
    ]


def test_a_cell_should_be_wrong_in_a_row_that_is_right_by_half() -> None:
    assert judged(("A-1", "6.00"), TRUE[1]) == [True, False, True, True]
