"""Batches whose answers are code: it is run, and what was paid for is kept."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from chalicelib.batches import storage
from chalicelib.contracts.functions.run_code import MAX_CODE_CHARACTERS
from chalicelib.errors import ModelFailure, QuotaExceeded, Throttled
from functions.generate_items.code_runner import RUN_SECONDS
from functions.generate_items.core import LONGEST_SECONDS
from tests.unit.batches.examples import generation, own
from tests.unit.functions.batches.world import World

CODE: dict[str, Any] = {"entry_point": "f", "tests": "def check(candidate): pass"}


def test_the_code_of_an_answer_should_be_run_and_judged() -> None:
    world = World()
    world.answerer.answers = lambda prompt: generation(
        f"```python\ndef f(): return '{prompt}'\n```"
    )
    world.begin(
        [own("a", prompt="right", code=CODE), own("b", prompt="wrong", code=CODE), own("c")]
    )
    assert world.run().status == "succeeded"
    lines = {line["id"]: line.get("code") for line in world.lines(storage.RESULTS)}
    assert lines["c"] is None
    assert lines["a"] == {
        "verdict": "passed",
        "reason": "it says so",
        "fuel": 7,
        "memory_mb": 0,
        "seconds": 1.0,
        "code": "def f(): return 'right'\n",
    }
    assert lines["b"] is not None
    assert lines["b"]["verdict"] == "failed"
    assert world.place.used.gb_seconds >= 4
    begun = [limits.deadline for limits in world.answerer.within]
    assert max(begun) - min(begun) >= RUN_SECONDS  # type: ignore[type-var, operator]
    assert LONGEST_SECONDS > RUN_SECONDS


@pytest.mark.parametrize(
    ("errors", "verdict", "waits"),
    [
        ([Throttled("busy"), Throttled("busy")], "passed", [1.0, 2.0]),
        ([Throttled("busy")] * 3, "not_run", [1.0, 2.0]),
        ([ModelFailure("broken")], "not_run", []),
    ],
)
def test_an_answer_whose_code_cannot_be_run_should_be_kept(
    errors: list[Any], verdict: str, waits: list[float]
) -> None:
    world = World()
    world.answerer.answers = lambda prompt: generation("def f(): 'right'")
    world.code.fails = list(errors)
    world.begin([own("a", code=CODE)])
    is_run = verdict != "not_run"
    assert world.run().status == ("succeeded" if is_run else "partial")
    (line,) = world.lines(storage.RESULTS if is_run else storage.ERRORS)
    assert line["code"]["verdict"] == verdict
    assert line["generation"]["output"]["text"] == "def f(): 'right'"
    assert world.sleeps == waits
    assert is_run or line["error"]["type"] == type(errors[0]).__name__


def test_a_retry_should_run_the_code_of_an_answer_and_ask_no_model() -> None:
    world = World()
    world.answerer.answers = lambda prompt: generation("def f(): 'right'")
    world.code.fails = [ModelFailure("broken")] * 2
    world.begin([own("a", code=CODE), own("b")])
    for _ in range(2):
        assert world.run().status == "partial"
        (line,) = world.lines(storage.ERRORS)
        assert (line["code"]["reason"], line["error"]["type"]) == ("broken", "ModelFailure")
        world.launcher.retry(world.state)
    assert world.run().status == "succeeded"
    assert len(world.answerer.within) == 2
    (line, _) = world.lines(storage.RESULTS)
    assert line["code"]["verdict"] == "passed"
    assert "error" not in line
    assert line["generation"]["output"]["text"] == "def f(): 'right'"
    assert world.place.receipt is not None
    assert world.place.receipt.dollars == 2 * Decimal("0.000001")


def test_an_answer_that_could_not_be_had_should_be_asked_for_by_a_retry() -> None:
    world = World()
    world.answerer.answers = lambda prompt: generation("def f(): 'right'")
    world.answerer.fails = lambda prompt, nth: ModelFailure("no answer") if nth == 1 else None
    world.begin([own("a", code=CODE)])
    assert world.run().status == "partial"
    world.launcher.retry(world.state)
    assert world.run().status == "succeeded"
    (line,) = world.lines(storage.RESULTS)
    assert line["code"]["verdict"] == "passed"


def test_too_much_code_should_not_be_run() -> None:
    world = World()
    world.answerer.answers = lambda prompt: generation("def f(): 1\n" + "#" * MAX_CODE_CHARACTERS)
    world.begin([own("a", code=CODE)])
    world.run()
    (line,) = world.lines(storage.RESULTS)
    assert (line["code"]["verdict"], world.code.ran) == ("not_run", [])
    assert "longer than 200000" in line["code"]["reason"]


def test_a_budget_that_ends_in_the_middle_should_keep_what_was_paid_for() -> None:
    world = World()
    world.answerer.answers = lambda prompt: generation("def f(): 'right'")
    world.answerer.fails = lambda prompt, nth: (
        QuotaExceeded("The budget is used up.") if prompt == "last" else None
    )
    world.begin([own("a", prompt="one", code=CODE), own("b", prompt="last", code=CODE)])
    assert world.run().status == "partial"
    (line,), (failed,) = world.lines(storage.RESULTS), world.lines(storage.ERRORS)
    assert (line["id"], line["code"]["verdict"]) == ("a", "passed")
    assert (failed["id"], failed["error"]["type"]) == ("b", "QuotaExceeded")


@pytest.mark.parametrize(
    ("order", "fields", "type_", "message"),
    [
        ({}, {"texts": ["a"]}, "InvalidInput", "code goes with a chat"),
        ({}, {"code": {**CODE, "fuel": 1}}, "InvalidInput", "greater than or equal to"),
        ({}, {"code": {"tests": "x"}}, "InvalidInput", "entry_point"),
        (
            {"service_tier": "batch"},
            {},
            "Unsupported",
            "A batch job of Bedrock runs no code",
        ),
    ],
)
def test_a_line_whose_code_cannot_be_judged_should_fail_alone(
    order: dict[str, Any], fields: dict[str, Any], type_: str, message: str
) -> None:
    world = World()
    world.begin([own("a", **{"code": CODE, **fields})], **order)
    world.run()
    (failed,) = world.lines(storage.ERRORS)
    assert failed["error"]["type"] == type_
    assert message in failed["error"]["message"]
