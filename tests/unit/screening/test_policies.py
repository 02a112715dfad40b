from __future__ import annotations

import pytest

from chalicelib.contracts.screening import (
    Action,
    Category,
    CategoryPolicy,
    Finding,
    ScreeningPolicy,
)
from chalicelib.errors import InvalidInput
from chalicelib.screening.policies import (
    HARMFUL,
    active_categories,
    check_policy,
    decide,
    masked_texts,
    needs_whole_output,
    stage_policy,
)


def one(rule: str, category: Category, score: float = 0.9, at: int = 0, start: int = 0) -> Finding:
    return Finding(
        rule=rule, category=category, text=at, start=start, end=start + 3, score=score, words="w"
    )


def policy(**held: CategoryPolicy) -> ScreeningPolicy:
    names: dict[str, Category] = {"personal": "personal-data", "threat": "threat"}
    return ScreeningPolicy(categories={names[name]: each for name, each in held.items()})


MAIL = one("personal-data.email", "personal-data")
THREAT = one("threat.intent", "threat", start=5)


def test_a_stage_that_is_off_should_look_for_nothing() -> None:
    off = stage_policy("off")
    assert active_categories(off, "input") == active_categories(off, "output") == ()
    assert decide(off, "input", [MAIL, THREAT]).told == ()


def test_a_stage_that_flags_should_let_everything_pass_and_tell_it() -> None:
    found = decide(stage_policy("flag"), "output", [MAIL, THREAT])
    assert (found.refused, found.masked, found.told) == (None, (), (MAIL, THREAT))
    assert not needs_whole_output(stage_policy("flag"))


@pytest.mark.parametrize("side", ["input", "output"])
def test_a_stage_that_refuses_should_refuse_harm_and_only_tell_personal_data(side: str) -> None:
    held = stage_policy("refuse")
    assert decide(held, "input" if side == "input" else "output", [MAIL, THREAT]).refused == THREAT
    assert decide(held, "input", [MAIL]).refused is None
    assert set(HARMFUL) < set(active_categories(held, "output"))
    assert "injection" not in active_categories(held, "output")
    assert needs_whole_output(held)


def test_a_stage_that_is_told_something_else_should_say_what_it_takes() -> None:
    with pytest.raises(InvalidInput, match="off, flag, refuse"):
        stage_policy("on")


@pytest.mark.parametrize(("score", "refused"), [(0.49, False), (0.5, True)])
def test_a_finding_should_count_from_its_threshold_on(score: float, refused: bool) -> None:
    held = policy(threat=CategoryPolicy(input="refuse", threshold=0.5))
    found = decide(held, "input", [one("threat.intent", "threat", score)])
    assert (found.refused is not None) == refused == bool(found.told)


def test_of_several_that_refuse_the_surest_should_be_told() -> None:
    held = policy(threat=CategoryPolicy(input="refuse"), personal=CategoryPolicy(input="refuse"))
    surer = one("personal-data.iban", "personal-data", 0.95)
    assert decide(held, "input", [THREAT, surer]).refused == surer


def test_what_cannot_be_masked_where_it_stands_should_be_refused() -> None:
    held = policy(personal=CategoryPolicy(output="mask"))
    assert decide(held, "output", [MAIL]).masked == (MAIL,)
    assert decide(held, "output", [MAIL], fixed={0}).refused == MAIL
    assert needs_whole_output(held)


@pytest.mark.parametrize(("action", "fine"), [("mask", False), ("refuse", True)])
def test_a_policy_should_mask_only_what_can_be(action: Action, fine: bool) -> None:
    held = policy(threat=CategoryPolicy(output=action))
    if fine:
        check_policy(held)
        return
    with pytest.raises(InvalidInput) as refused:
        check_policy(held)
    assert refused.value.field == "categories.threat"


def test_masks_should_name_their_rule_and_overlaps_have_one() -> None:
    found = [
        one("personal-data.email", "personal-data", start=4),
        one("personal-data.ip", "personal-data", start=6),
        one("personal-data.card", "personal-data", start=9),
        one("personal-data.iban", "personal-data", at=1),
    ]
    assert masked_texts(["at: abcdeCAR!", "XYZ"], found) == ("at: [EMAIL][CARD]!", "[IBAN]")
