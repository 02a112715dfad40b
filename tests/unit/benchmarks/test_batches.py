"""What the acceptance of a batch turns down, and the page's part about batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.batch_acceptance import (
    IN_FLIGHT,
    budgeted,
    checked,
    held,
    is_poison,
    lines,
)
from benchmarks.summary_batches import acceptance, batches

COUNT = 100
Job = dict[str, Any]
Files = dict[str, list[dict[str, Any]]]


def receipt(tokens: int = 3) -> dict[str, Any]:
    return {"tokens_in": tokens, "dollars": f"0.00000000{tokens}"}


def ended() -> tuple[Job, Files]:
    """Return a batch of a hundred lines as it should end."""
    good = [n for n in range(COUNT) if not is_poison(n)]
    files: Files = {
        "results.jsonl": [{"id": f"i{n}", "generation": {"receipt": receipt()}} for n in good],
        "errors.jsonl": [{"line": n + 1} for n in range(COUNT) if is_poison(n)],
    }
    job = {
        "counts": {"total": COUNT, "done": 97, "failed": 3},
        "receipt": {"lines": [{"role": "embedding", "tokens_in": 291, "dollars": "0.000000291"}]},
        "created_at": "2026-11-26T10:00:00+00:00",
        "updated_at": "2026-11-26T10:00:10+00:00",
    }
    return job, files


def called(times: int) -> list[dict[str, Any]]:
    return [{"tokens_in": 3}] * times


def test_what_ended_well_should_be_accepted_with_its_repeats_counted() -> None:
    job, files = ended()
    checked(job, files, COUNT)
    found = held(job, files, COUNT, called(97 + 5), throttled=20)
    assert (found.done, found.failed, found.repeated, found.seconds) == (97, 3, 5, 10.0)
    assert (found.tokens, found.tokens_at_wire) == (291, 306)


@pytest.mark.parametrize(
    ("measure", "other"), [("tokens_in", 294), ("dollars", "0.000000288"), ("requests", 96)]
)
def test_a_budget_that_counts_something_else_should_be_turned_down(
    measure: str, other: object
) -> None:
    job, _ = ended()
    counted = {"tokens_in": 291, "dollars": "0.000000291", "requests": 97}
    budgeted(job, counted)
    with pytest.raises(RuntimeError, match="the budget has"):
        budgeted(job, counted | {measure: other})


def _drop(job: Job, files: Files) -> None:
    files["results.jsonl"].pop(3)


def _swap(job: Job, files: Files) -> None:
    files["results.jsonl"][:2] = reversed(files["results.jsonl"][:2])


def _repeat(job: Job, files: Files) -> None:
    files["errors.jsonl"].append(files["errors.jsonl"][-1])


def _miscount(job: Job, files: Files) -> None:
    job["counts"]["done"] -= 1


def _overcharge(job: Job, files: Files) -> None:
    files["results.jsonl"][0]["generation"]["receipt"] = receipt(4)


@pytest.mark.parametrize("broken", [_drop, _swap, _repeat, _miscount, _overcharge])
def test_a_batch_that_lost_or_mixed_up_something_should_be_turned_down(
    broken: Callable[[Job, Files], None],
) -> None:
    job, files = ended()
    broken(job, files)
    with pytest.raises(RuntimeError):
        checked(job, files, COUNT)


@pytest.mark.parametrize("calls", [96, 97 + IN_FLIGHT + 1])
def test_more_repeats_than_were_in_flight_and_results_of_no_call_should_be_turned_down(
    calls: int,
) -> None:
    with pytest.raises(RuntimeError, match="answered twice"):
        held(*ended(), COUNT, called(calls), throttled=0)


def test_tokens_that_the_wire_does_not_know_should_be_turned_down() -> None:
    wire = [{"tokens_in": 2}] * 97
    with pytest.raises(RuntimeError, match="the wire 194"):
        held(*ended(), COUNT, wire, throttled=0)


def test_three_in_a_hundred_lines_should_be_poison() -> None:
    assert len(lines(200)) == 200
    assert sum(map(is_poison, range(200))) == 6


def test_the_page_should_set_a_batch_beside_a_loop_and_price_each_design() -> None:
    found = {
        "measured": {
            "a batch, slow": {"median": 45.2},
            "a loop, slow": {"median": 50.1},
        },
        "ratios": {"a batch to a loop, slow": 0.9},
        "facts": {
            "items": 1_000,
            "calls at once": 16,
            "children": 10,
            "states entered by the machine": 8,
            "dollars a thousand items": {
                "Express children, as built": "0.000500",
                "Standard children, one an item": "0.050200",
                "the model": "0.000300",
            },
            "dollars a thousand items by service tier, at most": {"standard": "0.000400"},
        },
    }
    told = list(batches(found))
    assert "| slow | 45 items/s | 50 items/s | 0.90 |" in told
    assert "| Express children, as built | 0.000500 | 1.0 |" in told
    assert "| Standard children, one an item | 0.050200 | 100.4 |" in told
    assert "| the model | 0.000300 |  |" in told
    assert list(acceptance({"facts": {"lines": 7}}))[-1] == "| lines | 7 |"
