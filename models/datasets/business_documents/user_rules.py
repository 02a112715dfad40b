"""Rules as users write them into schemas: what adds up in a document, and which date is later."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

from models.datasets.business_documents.facts import DocumentFacts
from models.datasets.business_documents.schemas import UserSchema

_SUMS = (
    ("total", ("subtotal", "tax_amount"), ()),
    ("amount_due", ("total",), ("amount_paid",)),
    ("closing_balance", ("opening_balance", "total_credits"), ("total_debits",)),
)
"""A value, what is added for it, and what is taken away."""
_LISTS = (("subtotal", "amount"), ("total", "amount"))
"""A value and the column whose sum it may be."""
_DATES = (
    ("due_date", "invoice_date"),
    ("period_end", "period_start"),
    ("end_date", "effective_date"),
)
_PRODUCT = ("amount", "quantity", "unit_price")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")


def user_rules(schema: UserSchema, facts: DocumentFacts) -> list[str]:
    """Return the rules over what a schema asks for that hold in its document."""
    paths = {
        leaf.concept.name: path
        for leaf in schema.leaves
        if _NAME.fullmatch(path := leaf.pointer[1:].replace("/", "."))
    }
    of_list = schema.list_pointer[1:]
    columns = {
        leaf.concept.name: path
        for leaf in schema.columns
        if _NAME.fullmatch(path := of_list + leaf.pointer.replace("/", "."))
    }
    return [*_sums(paths, facts), *_of_lists(paths, columns, facts), *_later(paths, facts)]


def _sums(paths: Mapping[str, str], facts: DocumentFacts) -> Iterator[str]:
    for whole, plus, minus in _SUMS:
        names = (whole, *plus, *minus)
        if all(name in paths and name in facts.single for name in names):
            total = sum((_amount(facts, name) for name in plus), Decimal(0))
            total -= sum((_amount(facts, name) for name in minus), Decimal(0))
            if total == _amount(facts, whole):
                added = " + ".join(paths[name] for name in plus)
                taken = "".join(f" - {paths[name]}" for name in minus)
                yield f"{paths[whole]} == {added}{taken} ± 0.01"


def _of_lists(
    paths: Mapping[str, str], columns: Mapping[str, str], facts: DocumentFacts
) -> Iterator[str]:
    for whole, column in _LISTS:
        if whole in paths and whole in facts.single and column in columns:
            cells = [row[column].value for row in facts.rows if column in row]
            if sum(Decimal(str(cell)) for cell in cells) == _amount(facts, whole):
                yield f"{paths[whole]} == sum({columns[column]}) ± 0.01"
    if all(name in columns for name in _PRODUCT):
        amount, quantity, price = (columns[name] for name in _PRODUCT)
        yield f"{amount} == {quantity} * {price} ± 0.01"


def _later(paths: Mapping[str, str], facts: DocumentFacts) -> Iterator[str]:
    for late, early in _DATES:
        if all(name in paths and name in facts.single for name in (late, early)):
            yield f"{paths[late]} >= {paths[early]}"


def _amount(facts: DocumentFacts, name: str) -> Decimal:
    return Decimal(str(facts.single[name].value))
