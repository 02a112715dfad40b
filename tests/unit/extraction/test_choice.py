"""The choice among candidates gives no span to two fields, and none where none is likely."""

from __future__ import annotations

from decimal import Decimal

from chalicelib.extraction.choice import RankedField, choose
from chalicelib.extraction.document import Span
from chalicelib.extraction.field_candidates import FieldCandidate
from chalicelib.extraction.leaves import Leaf, LeafKind
from chalicelib.extraction.ranker import RankedCandidates
from chalicelib.extraction.values.value_match import ValueMatch


def candidate(at: int, value: str) -> FieldCandidate:
    """Return a candidate at a place of the first page."""
    match = ValueMatch(0, 3, Decimal(value))
    return FieldCandidate((Span(1, at, at + 3),), value, match, ())


def field(name: str, shares: dict[tuple[int, str], float], none: float) -> RankedField:
    """Return a field whose candidates have these probabilities."""
    found = tuple(candidate(*each) for each in shares)
    leaf = Leaf((name,), f"/{name}", LeafKind.MONEY, "number")
    ranked = RankedCandidates(tuple(shares.values()), none)
    return RankedField(leaf, found, ((),) * len(found), (), ranked)


def values(fields: list[RankedField], floor: float = 0.3) -> list[str | None]:
    """Return the chosen values."""
    return [each.candidate.text if each.candidate else None for each in choose(fields, floor)]


def test_the_surer_field_should_get_a_span_that_two_fields_want() -> None:
    total = field("total", {(10, "120"): 0.9, (20, "100"): 0.05}, 0.05)
    net = field("net", {(10, "120"): 0.5, (20, "100"): 0.4}, 0.1)
    assert values([net, total]) == ["100", "120"]


def test_a_field_whose_only_span_is_taken_should_have_no_value() -> None:
    total = field("total", {(10, "120"): 0.9}, 0.1)
    tax = field("tax", {(11, "120"): 0.6}, 0.4)
    assert values([tax, total]) == [None, "120"]


def test_an_unlikely_value_should_not_be_taken() -> None:
    assert values([field("tax", {(10, "20"): 0.45}, 0.55)]) == [None]
    assert values([field("tax", {(10, "20"): 0.25}, 0.2)]) == [None]
    assert values([field("tax", {}, 1.0)]) == [None]


def test_places_with_one_value_should_count_together() -> None:
    twice = field("total", {(10, "120"): 0.28, (50, "120"): 0.27, (30, "7"): 0.05}, 0.4)
    chosen = choose([twice], 0.5)[0]
    assert chosen.candidate is twice.candidates[0]
    assert (chosen.share, chosen.agreeing, chosen.runner_up) == (0.28, 0.27, 0.05)


def test_lines_that_overlap_should_count_together_for_a_text_alone() -> None:
    spans = [((0, 9),), ((0, 9), (10, 19)), ((10, 19),), ((30, 39),)]
    found = tuple(
        FieldCandidate(
            tuple(Span(1, *each) for each in one), str(at), ValueMatch(0, 3, str(at)), ()
        )
        for at, one in enumerate(spans)
    )
    ranked = RankedCandidates((0.2, 0.25, 0.15, 0.05), 0.35)
    for kind, expected in ((LeafKind.ADDRESS, "1"), (LeafKind.MONEY, None)):
        leaf = Leaf(("address",), "/address", kind, "string")
        chosen = choose([RankedField(leaf, found, ((),) * 4, (), ranked)], 0.5)[0]
        assert (chosen.candidate.text if chosen.candidate else None) == expected
