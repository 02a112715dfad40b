"""Rules make the candidates likelier that keep to them together."""

from __future__ import annotations

from decimal import Decimal

import pytest

from chalicelib.extraction.choice import RankedField
from chalicelib.extraction.document import Span
from chalicelib.extraction.field_candidates import FieldCandidate
from chalicelib.extraction.leaves import Leaf, LeafKind, ListField
from chalicelib.extraction.ranker import RankedCandidates
from chalicelib.extraction.rule_consistency import keep_to_rules
from chalicelib.extraction.rules import parse_rules
from chalicelib.extraction.values.value_match import ValueMatch

AMOUNT = Leaf(("amount",), "/amount", LeafKind.NUMBER, "number")
LINES = ListField(("lines",), "/lines", ("lines",), (AMOUNT,))


def field(name: str, shares: dict[str, float]) -> RankedField:
    """Return a field whose candidates have these values; what is missing to 1 is none's."""
    found = tuple(
        FieldCandidate((Span(1, at * 10, at * 10 + 3),), text, ValueMatch(0, 3, Decimal(text)), ())
        for at, text in enumerate(shares)
    )
    ranked = RankedCandidates(tuple(shares.values()), 1 - sum(shares.values()))
    leaf = Leaf((name,), f"/{name}", LeafKind.NUMBER, "number")
    return RankedField(leaf, found, ((),) * len(found), (), ranked)


def likeliest(fields: list[RankedField], rule: str, rows: tuple[str, ...] = ()) -> list[str]:
    """Return the likeliest value of each field after a rule, "" where none is."""
    leaves = {each.leaf.pointer: each.leaf for each in fields}
    rules = parse_rules([rule], leaves, [LINES])
    lists = {"lines": [{"amount": Decimal(row)} for row in rows]}
    kept = keep_to_rules(fields, rules, lists)
    for each in kept:
        assert sum(each.ranked.shares) + each.ranked.none == pytest.approx(1)
    return [
        max(
            [
                *zip(each.ranked.shares, (one.text for one in each.candidates), strict=True),
                (each.ranked.none, ""),
            ]
        )[1]
        for each in kept
    ]


def invoice() -> list[RankedField]:
    """Return fields of which the likeliest candidates are partly wrong."""
    return [
        field("net", {"100": 0.6, "20": 0.3}),
        field("tax", {"7": 0.7, "20": 0.2}),
        field("total", {"100": 0.5, "120": 0.3, "20": 0.1}),
    ]


def test_values_that_add_up_should_win() -> None:
    assert likeliest(invoice(), "total == net + tax") == ["100", "20", "120"]


def test_a_rule_that_most_values_keep_should_change_little() -> None:
    assert likeliest(invoice(), "total >= tax") == ["100", "7", "100"]


def test_a_rule_that_nothing_keeps_should_change_nothing() -> None:
    assert likeliest(invoice(), "total == net * tax") == ["100", "7", "100"]


def test_the_sum_of_a_list_should_choose_the_net() -> None:
    fields = [field("net", {"90": 0.6, "100": 0.3})]
    assert likeliest(fields, "net == sum(lines.amount)", ("60", "40")) == ["100"]
    assert likeliest(fields, "net == sum(lines.amount)", ("60", "41")) == ["90"]
