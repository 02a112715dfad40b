"""Plans that are refused, each with the field, the limit and the fix."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from chalicelib.contracts.rollouts import DEFAULT_STAGES, CreateRolloutRequest
from chalicelib.errors import Conflict, HeadraceError, InvalidInput, NotFound
from chalicelib.prompts.library import PromptLibrary
from chalicelib.prompts.records import LabelMove
from chalicelib.rollouts.plans import plan_guards, plan_stages
from chalicelib.rollouts.subjects import ModelChoices, PromptLabels, check_subject
from tests.unit.prompts.examples import content
from tests.unit.prompts.fakes import NOW, FakePrompts, FakeVerdicts
from tests.unit.rollouts.examples import SUBJECT, TENANT, rollout
from tests.unit.rollouts.fakes import FakeRollouts, FakeSubject

PROMPT = {"kind": "prompt", "name": "faq", "label": "production"}


def asked(**fields: Any) -> CreateRolloutRequest:
    return CreateRolloutRequest.model_validate({"subject": PROMPT, "to": "4", **fields})


def test_should_take_its_default_stages() -> None:
    assert plan_stages(asked(), is_monitored=True) == DEFAULT_STAGES
    shares = [stage.share for stage in plan_stages(asked(), is_monitored=False)]
    assert shares == [5, 25, 100], "a shadow stage has no calls where no monitor samples them"


@pytest.mark.parametrize(
    ("shares", "field", "message"),
    [
        ((5, 50, 25, 100), "stages.2.share", "25 % after 50 %; shares have to rise"),
        ((5, 25), "stages.1.share", "25 %; a rollout ends at 100 %"),
        ((5, 5, 100), "stages.1.share", "rise from stage to stage"),
        ((100,), "stages", "Nothing would be compared"),
    ],
)
def test_should_refuse_shares(shares: tuple[int, ...], field: str, message: str) -> None:
    request = asked(stages=[{"share": share} for share in shares])
    with pytest.raises(InvalidInput, match=message) as raised:
        plan_stages(request, is_monitored=True)
    assert raised.value.field == field


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ({"share": 101}, "less than or equal to 100"),
        ({"share": 5, "shadow": True}, "a shadow stage serves nobody"),
        ({"share": 0}, "has to be a shadow stage"),
        ({"share": 5, "dwell_seconds": 60, "max_dwell_seconds": 30}, "raise it"),
    ],
)
def test_should_refuse_a_stage(stage: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        asked(stages=[stage])


def test_should_refuse_stages_that_take_too_long() -> None:
    stages = [{"share": share, "max_dwell_seconds": 2_592_000} for share in (5, 25, 100)]
    with pytest.raises(InvalidInput, match="60 days") as raised:
        plan_stages(asked(stages=stages), is_monitored=True)
    assert raised.value.limit == "5184000"


def test_should_refuse_a_shadow_stage_that_would_see_no_calls() -> None:
    stages = [{"share": 0, "shadow": True}, {"share": 100}]
    with pytest.raises(Conflict, match="no monitor samples calls of faq"):
        plan_stages(asked(stages=stages), is_monitored=False)


@pytest.mark.parametrize(
    ("guards", "field", "message"),
    [
        ([{"metric": "unsupported", "margin": 0.1}], "guards.0.metric", "no unsupported; guard"),
        ([{"metric": "errors", "margin": 0.1}] * 2, "guards.1.metric", "Two guards"),
        ([{"metric": "preference", "margin": 0.1}], "guards.0.metric", "judged in shadow stages"),
        ([{"metric": "errors", "margin": 0.1, "required": False}], "guards", "require one"),
    ],
)
def test_should_refuse_guards(guards: list[dict[str, Any]], field: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as raised:
        plan_guards(asked(guards=guards), DEFAULT_STAGES[1:])
    assert raised.value.field == field


@pytest.mark.parametrize(
    ("guard", "message"),
    [
        ({"metric": "beauty", "margin": 0.1}, "Input should be 'errors'"),
        ({"metric": "errors", "margin": 1}, "below 1"),
        ({"metric": "errors", "margin": 0}, "greater than 0"),
        ({"metric": "slow", "margin": 0.1}, "names threshold_ms"),
    ],
)
def test_should_refuse_a_guard(guard: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        asked(guards=[guard])


def test_should_guard_what_every_call_has_by_default() -> None:
    assert {each.metric for each in plan_guards(asked(), DEFAULT_STAGES) if each.required} == {
        *("errors", "latency", "cost")
    }
    retrieval = asked(subject={"kind": "retrieval", "name": "manuals"}, to="top_k=5")
    assert "unsupported" in {each.metric for each in plan_guards(retrieval, DEFAULT_STAGES)}


@pytest.mark.parametrize(
    ("to", "live", "error", "field"),
    [
        ("3", None, InvalidInput, "to"),
        ("9", None, NotFound, "to"),
        ("5", None, Conflict, "to"),
        ("4", "2", Conflict, "live"),
    ],
)
def test_should_refuse_a_version(
    to: str, live: str | None, error: type[HeadraceError], field: str
) -> None:
    subject = FakeSubject(rejected=("5",), unknown=("9",))
    with pytest.raises(error) as raised:
        check_subject({"prompt": subject}, TENANT, SUBJECT, to, live)
    assert raised.value.field == field
    assert check_subject({"prompt": subject}, TENANT, SUBJECT, "4", "3") == "3"


def test_should_know_the_versions_of_a_prompt() -> None:
    prompts = FakePrompts()
    library = PromptLibrary(
        prompts, lambda content: None, lambda: NOW, lambda attempt: None, FakeVerdicts()
    )
    labels = PromptLabels(library)
    library.save(TENANT, "faq", content(role="One."))
    with pytest.raises(NotFound, match="no label production; point it"):
        labels.live(TENANT, SUBJECT)
    library.point(TENANT, "faq", "production", 1)
    assert labels.live(TENANT, SUBJECT) == "1"
    with pytest.raises(NotFound):
        labels.check(TENANT, SUBJECT, "2")
    with pytest.raises(InvalidInput, match="number from 1, not 'latest'"):
        labels.check(TENANT, SUBJECT, "latest")
    library.save(TENANT, "faq", content(role="Two."))
    labels.check(TENANT, SUBJECT, "2")
    move = labels.promoted(TENANT, rollout(live="1", to="2"), NOW)
    assert isinstance(move, LabelMove)
    assert labels.live(TENANT, SUBJECT) == "1", "it is written with the end of the rollout"
    assert prompts.change(TENANT, move.before, move.change)
    assert labels.live(TENANT, SUBJECT) == "2"


def test_should_refuse_a_version_of_a_prompt_that_no_call_of_the_live_one_fits() -> None:
    library = PromptLibrary(
        FakePrompts(), lambda content: None, lambda: NOW, lambda attempt: None, FakeVerdicts()
    )
    labels = PromptLabels(library)
    who = {"type": "string"}
    library.save(TENANT, "faq", content(variables={"who": who}))
    library.save(TENANT, "faq", content(variables={"who": who, "tone": {**who, "default": "dry"}}))
    library.save(TENANT, "faq", content(variables={"tone": who}))
    library.point(TENANT, "faq", "production", 1)
    labels.check(TENANT, SUBJECT, "2")
    with pytest.raises(Conflict) as raised:
        labels.check(TENANT, SUBJECT, "3")
    assert raised.value.message.startswith(
        "Version 3 demands tone, which callers of version 1 do not pass and lacks who, which "
        "callers of version 1 have to pass: all its calls would fail."
    )


def test_should_know_the_models_of_a_catalogue() -> None:
    request = asked(subject={"kind": "model", "name": "small"}, to="large")
    names = {"small": "small", "vendor.small-v1:0": "small", "large": "large", "writer": "large"}
    models = ModelChoices(FakeRollouts(), lambda tenant, name: names.get(name, ""))
    assert models.live(TENANT, request.subject) == "small"
    models.check(TENANT, request.subject, "large")
    models.check(TENANT, request.subject, "writer")
    with pytest.raises(InvalidInput, match="is the model small, which is live already"):
        models.check(TENANT, request.subject, "vendor.small-v1:0")
    with pytest.raises(NotFound, match="no model huge"):
        models.check(TENANT, request.subject, "huge")
