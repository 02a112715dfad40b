"""Versions of state machines, held to AWS's answers.

`LS` is explained in `recorded.py`, and here is test_sfn_api_versioning.py; the rest is from
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-state-machine-version.html.
"""

from __future__ import annotations

import json
from typing import Any

from tests.unit.stepfunctions.bench import MACHINE, Bench, refusal
from tests.unit.stepfunctions.recorded import one


def result(number: int) -> dict[str, Any]:
    return one({"Type": "Pass", "Result": number})


def update(bench: Bench, number: int, **more: Any) -> dict[str, Any]:
    given = {"stateMachineArn": MACHINE, "definition": json.dumps(result(number)), **more}
    return dict(bench.service.update_state_machine(given))


def publish(bench: Bench, **more: Any) -> str:
    given = {"stateMachineArn": MACHINE, **more}
    return str(bench.service.publish_state_machine_version(given)["stateMachineVersionArn"])


def listed(bench: Bench) -> list[str]:
    found = bench.service.list_state_machine_versions({"stateMachineArn": MACHINE})
    return [each["stateMachineVersionArn"] for each in found["stateMachineVersions"]]


def run(bench: Bench, arn: str, name: str) -> dict[str, Any]:
    started = bench.service.start_execution({"stateMachineArn": arn, "name": name})
    return bench.finish(started["executionArn"])


def test_creation_and_update_publish_when_asked(bench: Bench) -> None:
    """LS test_create_with_publish, test_update_state_machine"""
    definition = json.dumps(result(1))
    given = {"name": "machine", "roleArn": "arn:aws:iam::000000000000:role/r"}
    created = bench.service.create_state_machine(
        {**given, "definition": definition, "publish": True}
    )
    assert created["stateMachineVersionArn"] == f"{MACHINE}:1"
    assert "stateMachineVersionArn" not in update(bench, 2)
    updated = update(bench, 3, publish=True)
    assert updated["stateMachineVersionArn"] == f"{MACHINE}:2"
    assert updated["revisionId"]
    assert listed(bench) == [f"{MACHINE}:2", f"{MACHINE}:1"]


def test_a_description_needs_a_version(bench: Bench) -> None:
    """LS test_create_with_version_description_no_publish"""
    assert refusal(lambda: bench.create(result(1), versionDescription="d")) == (
        "ValidationException",
        "Version description can only be set when publish is true",
    )


def test_a_version_stays_as_it_was_published(bench: Bench) -> None:
    """LS test_create_publish_describe_with_version_description, test_start_version_execution"""
    bench.create(result(1), publish=True, versionDescription="first")
    update(bench, 2)
    version = f"{MACHINE}:1"
    described = bench.service.describe_state_machine({"stateMachineArn": version})
    assert (described["stateMachineArn"], described["description"]) == (version, "first")
    assert (described["definition"], described["name"]) == (json.dumps(result(1)), "machine")
    of_version = run(bench, version, "of-version")
    assert (of_version["output"], of_version["stateMachineArn"]) == ("1", MACHINE)
    assert of_version["stateMachineVersionArn"] == version
    newest = run(bench, MACHINE, "newest")
    assert newest["output"] == "2"
    assert "stateMachineVersionArn" not in newest
    bench.restart()
    executions = bench.service.list_executions({"stateMachineArn": version})["executions"]
    assert [(each["name"], each["stateMachineVersionArn"]) for each in executions] == [
        ("of-version", version)
    ]


def test_the_same_revision_is_published_once(bench: Bench) -> None:
    """LS test_idempotent_publish, test_empty_revision_with_publish_and_no_publish_on_creation"""
    bench.create(result(1))
    assert publish(bench) == publish(bench, revisionId="INITIAL") == f"{MACHINE}:1"
    again = bench.service.update_state_machine({"stateMachineArn": MACHINE, "publish": True})
    assert again["stateMachineVersionArn"] == f"{MACHINE}:1"
    assert "revisionId" not in again
    assert len(listed(bench)) == 1


def test_a_revision_that_is_no_longer_current_is_not_published(bench: Bench) -> None:
    """LS test_publish_state_machine_version"""
    bench.create(result(1))
    old = update(bench, 2)["revisionId"]
    new = update(bench, 3)["revisionId"]
    code, message = refusal(lambda: publish(bench, revisionId=old))
    assert code == "ConflictException"
    assert message == (
        f"Failed to publish the State Machine version for revision {old}. "
        f"The current State Machine revision is {new}."
    )


def test_the_number_of_a_deleted_version_is_not_given_again(bench: Bench) -> None:
    """LS test_list_delete_version, test_version_ids_between_deletions"""
    bench.create(result(1), publish=True)
    for _ in range(2):
        bench.service.delete_state_machine_version({"stateMachineVersionArn": f"{MACHINE}:1"})
    assert listed(bench) == []
    start = {"stateMachineArn": f"{MACHINE}:1"}
    assert refusal(lambda: bench.service.start_execution(start)) == (
        "StateMachineDoesNotExist",
        f"State Machine Does Not Exist: '{MACHINE}:1'",
    )
    assert publish(bench) == f"{MACHINE}:2"


def test_a_version_is_neither_updated_nor_tagged(bench: Bench) -> None:
    """LS test_update_state_machine; test_sfn_api_tagging.py::test_tag_state_machine_version"""
    bench.create(result(1), publish=True)
    version = f"{MACHINE}:1"
    missing = ("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{version}'")
    assert refusal(lambda: update(bench, 2, stateMachineArn=version)) == missing
    tagging = {"resourceArn": version, "tags": [{"key": "a", "value": "b"}]}
    assert refusal(lambda: bench.service.tag_resource(tagging)) == (
        "ResourceNotFound",
        f"Resource not found: '{version}'",
    )


def test_versions_go_with_their_state_machine(bench: Bench) -> None:
    bench.create(result(1), publish=True)
    bench.service.delete_state_machine({"stateMachineArn": MACHINE})
    assert listed(bench) == []
    assert bench.create(result(2)) == MACHINE
    assert publish(bench) == f"{MACHINE}:1"
