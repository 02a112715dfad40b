"""What every state machine holds to, beyond what its service checks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.synthesis.sources import read_sources
from infra.synthesis.state_machines import POLICIES, policy_names, read_definition
from localcloud.stepfunctions.language.jsonata.templates import Bindings, evaluate
from localcloud.stepfunctions.language.validation.definition_checks import diagnostics
from tests.architecture.ingest_definition import ROOT, definition_text, machine, targets

FILES = sorted((ROOT / "statemachines").resolve().glob("*.asl.json"))
each_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)


EXPRESS_SECONDS = 300
CHILD_FAILURES = {"RecordPartProblem", "RecordEmbeddingProblem", "TellFailure"}
"""Where the children of a distributed Map go with what is left: they keep, or tell, why."""


def flows_of(file: Path) -> list[dict[str, Any]]:
    """Return the machine and what its Maps run for each item: each a flow of states of its own."""
    whole = read_definition(file)
    maps = [state for state in whole["States"].values() if state["Type"] == "Map"]
    return [whole, *(state["ItemProcessor"] for state in maps)]


def states_of(file: Path) -> dict[str, dict[str, Any]]:
    """Return the states of all flows; their names are unique in the machine."""
    found = [pair for flow in flows_of(file) for pair in flow["States"].items()]
    assert len(dict(found)) == len(found)
    return dict(found)


def tasks_of(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((name, state) for name, state in states_of(file).items() if state["Type"] == "Task")


def machines_of_the_template() -> dict[Path, dict[str, Any]]:
    """Return the properties of each state machine by the file of its definition."""
    found = {}
    for resource in read_sources(ROOT)["Resources"].values():
        if resource["Type"] == "AWS::Serverless::StateMachine":
            properties = resource["Properties"]
            found[Path(properties["DefinitionUri"])] = properties
    return found


def test_there_is_a_state_machine_to_test() -> None:
    assert FILES


def _substituted(found: re.Match[str]) -> str:
    return (
        "4"
        if found[0].endswith(("Concurrency}", "PollSeconds}"))
        else "arn:aws:lambda:us-east-1:1:function:f"
    )


@each_file
def test_aws_s_own_checks_find_nothing(file: Path) -> None:
    assert diagnostics(re.sub(r"\$\{\w+\}", _substituted, definition_text(file))) == []


@each_file
def test_definitions_are_in_jsonata_with_a_comment_on_every_state(file: Path) -> None:
    whole = read_definition(file)
    assert whole["QueryLanguage"] == "JSONata"
    assert whole["TimeoutSeconds"] > 0
    for thing in (whole, *states_of(file).values()):
        assert len(thing["Comment"]) > 20


@each_file
def test_every_state_can_be_reached_and_every_way_ends(file: Path) -> None:
    for flow in flows_of(file):
        states, translate_serving_errors = flow["States"], set[str]()
        waiting = [flow["StartAt"]]
        while waiting:
            name = waiting.pop()
            if name not in translate_serving_errors:
                translate_serving_errors.add(name)
                waiting.extend(targets(states[name]))
        assert translate_serving_errors == set(states)
        for state in states.values():
            ends = state.get("End") or state["Type"] in ("Succeed", "Fail")
            assert "Next" in state or "Default" in state or ends


THROTTLING = {"Throttled", "Lambda.TooManyRequestsException"}
HOUR = 3600


@each_file
def test_every_task_retries_what_passes_with_jitter_and_a_limit(file: Path) -> None:
    for name, state in tasks_of(file):
        for rule in state["Retry"]:
            assert rule["JitterStrategy"] == "FULL", name
            if not THROTTLING & set(rule["ErrorEquals"]):
                assert rule["MaxAttempts"] <= 5, name
                assert rule["MaxDelaySeconds"] <= 60, name
        if state["Resource"].endswith("lambda:invoke"):
            assert state["TimeoutSeconds"] > 0


def longest_wait(rule: dict[str, Any]) -> float:
    """Return how long all retries of a rule wait together without jitter, in seconds."""
    delays = (
        min(rule["MaxDelaySeconds"], rule["IntervalSeconds"] * rule["BackoffRate"] ** n)
        for n in range(rule["MaxAttempts"])
    )
    return float(sum(delays))


@each_file
def test_throttling_waits_for_hours_and_in_a_part_no_longer_than_it_may_run(file: Path) -> None:
    """Other errors have a retrier of their own, so that theirs does not use up throttling's.

    An Express workflow ends after five minutes; whoever started it tries again.
    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    """
    whole, *parts = flows_of(file)
    for flow in (whole, *parts):
        for name, state in flow["States"].items():
            if not state.get("Resource", "").endswith("lambda:invoke"):
                continue
            (rule,) = (rule for rule in state["Retry"] if THROTTLING & set(rule["ErrorEquals"]))
            assert set(rule["ErrorEquals"]) == THROTTLING, name
            if flow is whole:
                assert longest_wait(rule) > 7 * HOUR, name
                assert rule["MaxDelaySeconds"] == 300, name
            else:
                assert longest_wait(rule) <= 60, name


BESIDE_THE_RESULT = {
    "DeleteRows": "AnnounceRegistered",
    "DeleteLeftRows": "AnnounceFailed",
    "ForgetTranscription": "RecordParts",
}
"""Tasks whose failure changes nothing, and what follows them: what they leave expires."""


@each_file
def test_every_task_catches_what_is_left_for_one_failure_state(file: Path) -> None:
    failures = {"ExplainFailure", "RecordFailure", "ReleaseSpeech", *CHILD_FAILURES}
    for name, state in tasks_of(file):
        last = state["Catch"][-1]
        assert last["ErrorEquals"] == ["States.ALL"], name
        if name in CHILD_FAILURES:
            assert states_of(file)[last["Next"]]["Type"] == "Fail"
        elif name in BESIDE_THE_RESULT:
            assert last["Next"] == state["Next"] == BESIDE_THE_RESULT[name], name
        elif name in ("RecordFailure", "AnnounceFailed", "RemoveLeftModel"):
            assert last["Next"] == "Failed", name
        else:
            assert last["Next"] in failures, name


def test_a_job_of_one_call_is_asked_again_where_its_function_died_or_had_no_time() -> None:
    (file,) = (file for file in FILES if file.name == "generate.asl.json")
    rules = states_of(file)["Generate"]["Retry"]
    attempts = {error: rule["MaxAttempts"] for rule in rules for error in rule["ErrorEquals"]}
    assert (attempts["Runtime.ExitError"], attempts["Sandbox.Timedout"]) == (2, 2)


def test_parts_of_a_file_are_express_and_none_may_fail() -> None:
    maps = [state for state in machine()["States"].values() if state["Type"] == "Map"]
    assert len(maps) == 2
    for state in maps:
        config = state["ItemProcessor"]["ProcessorConfig"]
        assert config == {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}
        assert state["ToleratedFailureCount"] == 0
        assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"]
        for child in state["ItemProcessor"]["States"].values():
            assert child.get("TimeoutSeconds", 0) < EXPRESS_SECONDS


def test_the_template_makes_a_machine_of_every_definition() -> None:
    assert sorted(machines_of_the_template()) == FILES


@each_file
def test_substitutions_are_those_that_the_template_makes(file: Path) -> None:
    template = read_sources(ROOT)
    properties = machines_of_the_template()[file]
    used = set(re.findall(r"\$\{(\w+)\}", definition_text(file)))
    assert used == set(properties["DefinitionSubstitutions"])
    for value in properties["DefinitionSubstitutions"].values():
        (target,) = value.values()
        logical = target[0] if isinstance(target, list) else target.split(".")[0]
        assert logical in template["Resources"] or logical in template["Parameters"]


def test_states_carry_references_and_never_text() -> None:
    kept = json.dumps([state.get("Output", "") for state in machine()["States"].values()])
    assert not re.search(r"\b(text|body|content)\b", kept)


def test_every_policy_should_be_named_by_a_state() -> None:
    named = {each for file in FILES for each in policy_names(json.loads(file.read_text()))}
    policies = json.loads((ROOT / "statemachines" / POLICIES).read_text())
    defined = {(kind, name) for kind in ("Retry", "Catch") for name in policies[kind]}
    assert named == defined


@pytest.mark.parametrize(
    ("error", "why", "advice"),
    [
        ("Throttled", "Functions had no room for hours.", "Trying again may help"),
        ("Sandbox.Timedout", "A step took longer than it may.", "Trying again may help"),
        (
            "Lambda.Unknown",
            "A service of AWS failed: Lambda.Unknown (Rate Exceeded.).",
            "Trying again may help",
        ),
        ("ModelFailure", "Rate Exceeded.", "Once that is mended, try again"),
    ],
)
@pytest.mark.parametrize(
    ("given", "command"),
    [
        ({"job_id": "job_1", "kind": "batch"}, "jobs job_1 --retry"),
        (
            {"job_id": "job_1", "kind": "scheduled_run", "run": {"schedule": "nightly"}},
            "schedules run nightly",
        ),
    ],
)
def test_a_job_fails_in_our_words_with_the_command_to_try_again(
    error: str, why: str, advice: str, given: dict[str, Any], command: str
) -> None:
    cause = json.dumps({"errorMessage": "Rate Exceeded."})
    bindings = Bindings(
        {}, {"Execution": {"Input": given}}, error_output={"Error": error, "Cause": cause}
    )
    rules = [
        rule
        for file in FILES
        for _, state in tasks_of(file)
        for rule in state["Catch"]
        if "state" in rule.get("Assign", {}) and rule["Next"] == "RecordFailure"
    ]
    told = {
        evaluate(rule["Assign"]["reason"], bindings, "Assign")
        for rule in rules
        if "job_id" in rule["Assign"]["reason"]
    }
    assert told == {f"{why} {advice}: `headrace {command}`."}
