from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.budgets.spender import Spender
from chalicelib.contracts.generations import ChatCall, Usage
from chalicelib.contracts.prompt_runs import PromptRun, RunPromptRequest
from chalicelib.contracts.prompts import PromptContent, PromptVersion
from chalicelib.contracts.receipts import dollars
from chalicelib.errors import InvalidInput, Transient, Unsupported
from chalicelib.generation.dependencies import CallLimits
from chalicelib.prompts.runs import PromptRunner
from tests.unit.generation.fakes import House, said

NOW = datetime(2026, 11, 26, tzinfo=UTC)
STORY: dict[str, Any] = {
    "variables": {"hero": {"type": "string", "max_length": 20}},
    "role": "You write stories.",
    "turns": [
        {"name": "plan", "template": "Plan a story about {{ hero }}."},
        {"name": "story", "template": "Write it.\n{{ plan }}"},
    ],
    "parameters": {"max_tokens": 9},
}
CHECKED = {**STORY, "verifier": {"template": "Is it about {{ hero }}?\n{{ answer }}"}}


def version(content: dict[str, Any]) -> PromptVersion:
    return PromptVersion(
        name="story",
        version=3,
        sha256="0",
        bytes=1,
        created_at=NOW,
        content=PromptContent.model_validate(content),
    )


def ran(house: House, content: dict[str, Any], **given: Any) -> PromptRun:
    runner = PromptRunner(house.generator, lambda: "@@fence", lambda: NOW, lambda: "run_1")
    request = RunPromptRequest(**{"variables": {"hero": "a mole"}, **given})
    return runner.run(version(content), request, Spender("t", correlation_id="c"))


def test_each_turn_should_see_what_the_one_before_it_said_and_all_be_accounted_for() -> None:
    house = House({"small": ["1. Digs.", "The mole dug."]})
    run = ran(house, STORY)
    assert (run.run_id, run.name, run.version) == ("run_1", "story", 3)
    assert run.output == "The mole dug."
    assert run.outputs == {"plan": "1. Digs.", "story": "The mole dug."}
    assert run.verdict is None
    first, second = (call for _, call in house.backend.asked)
    assert isinstance(first, ChatCall)
    assert isinstance(second, ChatCall)
    assert first.system == "You write stories."
    assert "1. Digs." in second.model_dump_json()
    assert "1. Digs." not in second.system
    assert [one.outcome for one in run.attempts] == ["accepted", "accepted"]
    assert run.receipt.dollars == Decimal("0.000028")


@pytest.mark.parametrize(
    ("word", "accepted", "reason"),
    [("ACCEPT", True, ""), ("REJECT It is about a fox.", False, "It is about a fox.")],
)
def test_the_verifier_should_have_the_last_word(word: str, accepted: bool, reason: str) -> None:
    run = ran(House({"small": ["1. Digs.", "The fox ran.", word]}), CHECKED)
    assert run.verdict is not None
    assert (run.verdict.accepted, run.verdict.reason) == (accepted, reason)
    assert len(run.receipt.lines) == 3


def test_a_turn_that_is_cut_off_should_be_told_by_its_number() -> None:
    house = House({"small": ["1. Digs.", said("small", "The mo", "length")]})
    with pytest.raises(InvalidInput, match=r"turn 2 .*max_tokens") as raised:
        ran(house, STORY)
    assert (raised.value.field, raised.value.limit) == ("max_tokens", "9")
    assert len(house.purse.spent) == 2


def test_a_request_may_name_another_model() -> None:
    house = House({"large": ["1. Digs.", "The mole dug."]})
    ran(house, STORY, model="large")
    assert house.asked() == ["large", "large"]


def test_a_wrong_variable_should_cost_nothing() -> None:
    house = House({})
    with pytest.raises(InvalidInput, match="hero"):
        ran(house, STORY, variables={"hero": 7})
    assert house.purse.most == []


def test_what_models_refuse_should_go_through() -> None:
    house = House({"small": [Transient("down")], "large": [Transient("down")]})
    with pytest.raises(Transient):
        ran(house, STORY)


def test_a_budget_should_be_that_of_the_whole_run() -> None:
    probe = House({"small": ["Plan.", "Story."]})
    ran(probe, STORY)
    first, second = probe.purse.most
    enough = {"budget": str(dollars(14_000 + second))}
    house = House({"small": ["Plan.", "Story."]})
    ran(house, {**STORY, "terms": enough})
    assert second > first
    house = House({"small": ["Plan.", "Story."]})
    with pytest.raises(Unsupported, match="the budget is"):
        ran(house, {**STORY, "terms": {"budget": str(dollars(14_000 + second - 1))}})
    assert house.asked() == ["small"]


def test_what_a_run_used_should_be_told_with_what_ended_it() -> None:
    house = House({"small": ["Plan.", Transient("a")], "large": [Transient("b")]})
    with pytest.raises(Transient) as raised:
        ran(house, STORY)
    assert raised.value.usage == Usage(tokens_in=10, tokens_out=4)


def test_a_run_should_end_when_its_time_does() -> None:
    house = House({"small": ["Plan.", "Story."]})
    runner = PromptRunner(house.generator, lambda: "@@fence", lambda: NOW, lambda: "run_1")
    request = RunPromptRequest(variables={"hero": "a mole"})
    with pytest.raises(Transient, match="in time"):
        runner.run(version(STORY), request, Spender("t"), CallLimits(deadline=1.0))
    assert house.asked() == []
