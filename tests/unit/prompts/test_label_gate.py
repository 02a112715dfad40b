"""Labels that a suite guards: who may move them, and what a refusal says."""

from __future__ import annotations

import pytest

from chalicelib.contracts.evaluations.verdicts import SuiteVerdict
from chalicelib.contracts.prompts import PromptSuite
from chalicelib.errors import Conflict, NotFound
from chalicelib.prompts.library import PromptLibrary
from tests.unit.prompts.examples import content
from tests.unit.prompts.fakes import NOW, FakeVerdicts, library

TENANT, NAME = "acme", "sum-up"
SUITE = PromptSuite(name="station", sha256="s" * 64, labels=("production",))


def verdict(*, passed: bool, version: int = 2) -> SuiteVerdict:
    return SuiteVerdict(
        evaluation_id="01J9ZQ3V5B8X6N2M4K7T0RWFHD",
        suite="station",
        sha256=SUITE.sha256,
        version=version,
        passed=passed,
        reasons=() if passed else ("its score fell by 0.400.",),
        worse=() if passed else ("weir", "gate"),
        at=NOW,
    )


@pytest.fixture
def verdicts() -> FakeVerdicts:
    return FakeVerdicts()


@pytest.fixture
def prompts(verdicts: FakeVerdicts) -> PromptLibrary:
    prompts = library(verdicts=verdicts)
    for role in ("One.", "Two."):
        prompts.save(TENANT, NAME, content(role=role))
    return prompts


def test_a_prompt_without_a_suite_should_be_labelled_freely(prompts: PromptLibrary) -> None:
    assert prompts.point(TENANT, NAME, "production", 2).labels == {"production": 2}


def test_a_tenant_may_require_suites(prompts: PromptLibrary, verdicts: FakeVerdicts) -> None:
    verdicts.required = True
    with pytest.raises(Conflict, match="sum-up has no suite"):
        prompts.point(TENANT, NAME, "production", 2)
    assert prompts.point(TENANT, NAME, "staging", 2).labels == {"staging": 2}


def test_a_version_that_was_not_run_should_be_refused(prompts: PromptLibrary) -> None:
    assert prompts.guard(TENANT, NAME, SUITE).suite == SUITE
    with pytest.raises(Conflict, match="has not been run by its suite station"):
        prompts.point(TENANT, NAME, "production", 2)
    assert prompts.point(TENANT, NAME, "staging", 2).labels == {"staging": 2}


def test_a_refusal_should_say_which_cases_got_worse(
    prompts: PromptLibrary, verdicts: FakeVerdicts
) -> None:
    prompts.guard(TENANT, NAME, SUITE)
    verdicts.record(TENANT, NAME, 2, verdict(passed=False))
    with pytest.raises(Conflict, match=r"fell by 0.400. Worse: weir, gate. With a reason"):
        prompts.point(TENANT, NAME, "production", 2)
    verdicts.record(TENANT, NAME, 2, verdict(passed=True))
    assert prompts.point(TENANT, NAME, "production", 2).labels == {"production": 2}


def test_a_changed_suite_should_make_its_verdicts_those_of_another(
    prompts: PromptLibrary, verdicts: FakeVerdicts
) -> None:
    verdicts.record(TENANT, NAME, 2, verdict(passed=True))
    prompts.guard(TENANT, NAME, SUITE.model_copy(update={"sha256": "t" * 64}))
    with pytest.raises(Conflict, match="as the suite is now"):
        prompts.point(TENANT, NAME, "production", 2)


def test_an_override_should_be_recorded(prompts: PromptLibrary) -> None:
    prompts.guard(TENANT, NAME, SUITE)
    view = prompts.point(TENANT, NAME, "production", 2, override="A fire.", key="k1")
    (told,) = view.overrides
    assert (told.label, told.version, told.reason, told.key) == ("production", 2, "A fire.", "k1")
    assert "has not been run" in told.refusal
    again = prompts.point(TENANT, NAME, "production", 2, override="Once more.")
    assert again.overrides == view.overrides, "there was nothing to override"


def test_removing_a_suite_should_be_recorded(prompts: PromptLibrary) -> None:
    prompts.guard(TENANT, NAME, SUITE)
    prompts.unguard(TENANT, NAME, "k1")
    head = prompts.head(TENANT, NAME)
    assert head.suite is None
    assert head.overrides[0].refusal == "The suite station guarded production."
    with pytest.raises(NotFound, match="has no suite"):
        prompts.unguard(TENANT, NAME, "k1")
