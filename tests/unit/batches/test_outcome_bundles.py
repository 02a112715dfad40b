"""Outcomes together."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.batches import storage
from chalicelib.batches.outcomes import LoadingBundle, OutcomeReader, OutcomeWriter, parse_bundle
from chalicelib.contracts.batches import ItemOutcome


def body(n: int, text: str = "") -> bytes:
    return ItemOutcome(n=n, line={"id": f"i{n}", "text": text}).model_dump_json().encode()


def bundled(bodies: Mapping[int, bytes], most_bytes: int = 10_000) -> dict[str, bytes]:
    written: dict[str, bytes] = {}
    bundler = OutcomeWriter(written.__setitem__, most_bytes)
    for n, each in bodies.items():
        bundler.add(n, each)
    bundler.flush()
    return written


def test_outcomes_should_come_back_from_their_bundle_in_whatever_order_they_came() -> None:
    written = bundled({n: body(n, "a\nb\u2028c") for n in (7, 2, 5)})
    assert list(written) == ["bundles/00000002-00000007.jsonl"]
    found = parse_bundle(written["bundles/00000002-00000007.jsonl"])
    assert list(found) == [2, 5, 7]
    assert found[5].line == {"id": "i5", "text": "a\nb\u2028c"}


def test_a_bundle_should_hold_no_more_than_it_may_and_nothing_alone() -> None:
    size = len(body(0))
    written = bundled({n: body(n) for n in range(5)}, most_bytes=2 * size)
    assert list(written) == ["bundles/00000000-00000001.jsonl", "bundles/00000002-00000003.jsonl"]
    assert bundled({0: body(0, "x" * 100)}, most_bytes=50) == {}


def loaded(written: Mapping[str, bytes], loads: list[str]) -> OutcomeReader:
    def load(key: str) -> LoadingBundle:
        loads.append(key)
        loading: LoadingBundle = Future()
        loading.set_result(parse_bundle(written[key]))
        return loading

    return OutcomeReader(iter(sorted(written)), load)


def numbers(shelf: OutcomeReader, n: int) -> list[int]:
    return [each for loading in shelf.around(n) for each in loading.result()]


def test_a_bundle_should_be_loaded_once_when_its_first_item_is_come_to_and_then_dropped() -> None:
    written = bundled({1: body(1), 3: body(3)}) | bundled({2: body(2), 9: body(9)})
    loads: list[str] = []
    shelf = loaded(written, loads)
    assert numbers(shelf, 0) == []
    assert loads == []
    assert numbers(shelf, 1) == [1, 3]
    assert numbers(shelf, 3) == [1, 3, 2, 9]
    assert numbers(shelf, 4) == [2, 9]
    assert numbers(shelf, 10) == []
    assert len(loads) == 2


@given(
    st.lists(st.sets(st.integers(0, 60), min_size=2, max_size=20), max_size=6),
    st.sets(st.integers(0, 60)),
)
def test_every_item_that_is_in_a_bundle_should_be_found(
    bundles: list[set[int]], asked: set[int]
) -> None:
    written: dict[str, bytes] = {}
    for each in bundles:
        written |= bundled({n: body(n) for n in each})
    has = {n for each in written.values() for n in parse_bundle(each)}
    shelf = loaded(written, [])
    for n in sorted(asked):
        assert (n in numbers(shelf, n)) == (n in has)


def test_a_bundle_should_say_by_its_name_what_it_spans() -> None:
    assert storage.bundle_span("jobs/a/b/bundles/00000002-00000007.jsonl") == (2, 7)
