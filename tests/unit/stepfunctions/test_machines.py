"""The operations on state machines, held to AWS's answers.

`LS` is explained in `recorded.py`; the rest is from the API reference,
https://docs.aws.amazon.com/step-functions/latest/apireference/.
"""

from __future__ import annotations

import json

import pytest

from tests.unit.stepfunctions.bench import MACHINE, ROLE, Bench, refusal
from tests.unit.stepfunctions.recorded import PASS, WAIT, one


def test_a_machine_is_described_as_it_was_created(bench: Bench) -> None:
    """LS test_sfn_api.py::test_create_exact_duplicate_sm"""
    arn = bench.create(PASS)
    described = dict(bench.service.describe_state_machine({"stateMachineArn": arn}))
    described.pop("creationDate")
    assert described == {
        "stateMachineArn": MACHINE,
        "name": "machine",
        "status": "ACTIVE",
        "definition": json.dumps(PASS),
        "roleArn": ROLE,
        "type": "STANDARD",
        "loggingConfiguration": {"level": "OFF", "includeExecutionData": False},
        "tracingConfiguration": {"enabled": False},
        "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
    }


def test_creating_the_same_machine_again_changes_nothing(bench: Bench) -> None:
    first = bench.create(PASS)
    given = {"name": "machine", "roleArn": "arn:aws:iam::000000000000:role/other"}
    again = bench.service.create_state_machine({**given, "definition": json.dumps(PASS)})
    assert again["stateMachineArn"] == first
    assert bench.service.describe_state_machine({"stateMachineArn": first})["roleArn"] == ROLE


def test_another_definition_under_the_same_name_is_refused(bench: Bench) -> None:
    """LS test_sfn_api.py::test_create_duplicate_definition_format_sm"""
    bench.create(PASS)
    assert refusal(lambda: bench.create(WAIT)) == (
        "StateMachineAlreadyExists",
        f"State Machine Already Exists: '{MACHINE}'",
    )


@pytest.mark.parametrize(
    "name", ["with space", "a" * 81, "hash#", "slash/", "quo'te\"", "ctrl\x01"]
)
def test_a_name_that_aws_would_not_take_is_refused(name: str, bench: Bench) -> None:
    assert refusal(lambda: bench.create(PASS, name))[0] == "InvalidName"
    arn = bench.create(PASS)
    start = {"stateMachineArn": arn, "name": name}
    assert refusal(lambda: bench.service.start_execution(start))[0] == "InvalidName"


def test_an_invalid_definition_is_refused_with_what_is_wrong(bench: Bench) -> None:
    """LS test_sfn_api.py::test_create_delete_invalid_sm"""
    code, message = refusal(lambda: bench.create({"StartAt": "A"}))
    assert code == "InvalidDefinition"
    assert message.startswith("Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: ")


@pytest.mark.parametrize(
    "resource",
    [
        "arn:aws:states:::ecs:runTask",
        "arn:aws:states:::aws-sdk:ec2:describeInstances",
        "arn:aws:states:::aws-sdk:s3:noSuchThing",
        "arn:aws:states:::dynamodb:query",
        "arn:aws:states:::dynamodb:getItem.sync",
    ],
)
def test_a_resource_that_cannot_be_called_is_refused_at_creation(
    resource: str, bench: Bench
) -> None:
    definition = one({"Type": "Task", "Resource": resource})
    assert refusal(lambda: bench.create(definition))[0] == "InvalidDefinition"


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        (
            "arn:aws:states:::states:startExecution.waitForTaskToken",
            "'.waitForTaskToken' service integration ",
        ),
        ("arn:aws:states:::states:startExecution.sync", "'.sync' service integration"),
        ("arn:aws:states:us-east-1:000000000000:activity:a", "Activity ARN"),
    ],
)
def test_express_machines_cannot_wait(resource: str, words: str, bench: Bench) -> None:
    """LS test_sfn_api_express.py::test_illegal_callbacks, test_illegal_activity_task"""
    definition = one({"Type": "Task", "Resource": resource, "Parameters": {}})
    complaint = f"Express state machine does not support {words} at /States/S/Resource"
    assert refusal(lambda: bench.create(definition, type="EXPRESS")) == (
        "InvalidDefinition",
        f"Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: {complaint}'",
    )


def test_what_the_local_cloud_lacks_is_refused(bench: Bench) -> None:
    key = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "k"}
    refused = refusal(lambda: bench.create(PASS, encryptionConfiguration=key))
    assert refused[0] == "UnsupportedOperation"


def test_validation_tells_every_finding(bench: Bench) -> None:
    given = {"definition": json.dumps({"StartAt": "A"})}
    answer = bench.service.validate_state_machine_definition(given)
    assert answer["result"] == "FAIL"
    assert {one["severity"] for one in answer["diagnostics"]} == {"ERROR"}
    fine = bench.service.validate_state_machine_definition({"definition": json.dumps(PASS)})
    assert (fine["result"], fine["diagnostics"]) == ("OK", [])


def test_an_update_gives_a_revision_that_running_executions_do_not_see(bench: Bench) -> None:
    """LS test_sfn_api.py::test_create_update_state_machine_base_definition"""
    arn = bench.begin(WAIT)
    bench.schedule.settle()
    answer = bench.service.update_state_machine(
        {"stateMachineArn": MACHINE, "definition": json.dumps(PASS)}
    )
    described = bench.service.describe_state_machine({"stateMachineArn": MACHINE})
    assert described["revisionId"] == answer["revisionId"]
    assert described["definition"] == json.dumps(PASS)
    of = bench.service.describe_state_machine_for_execution({"executionArn": arn})
    assert of["definition"] == json.dumps(WAIT)
    bench.restart()
    assert bench.finish(arn)["output"] == "{}"


def test_an_update_of_nothing_is_refused(bench: Bench) -> None:
    bench.create(PASS)
    update = {"stateMachineArn": MACHINE}
    assert refusal(lambda: bench.service.update_state_machine(update))[0] == (
        "MissingRequiredParameter"
    )


def test_deleting_a_machine_leaves_its_executions_running(bench: Bench) -> None:
    arn = bench.begin(WAIT)
    bench.service.delete_state_machine({"stateMachineArn": MACHINE})
    bench.service.delete_state_machine({"stateMachineArn": MACHINE})
    assert bench.finish(arn)["status"] == "SUCCEEDED"
    start = {"stateMachineArn": MACHINE}
    assert refusal(lambda: bench.service.start_execution(start)) == (
        "StateMachineDoesNotExist",
        f"State Machine Does Not Exist: '{MACHINE}'",
    )


@pytest.mark.parametrize(
    "operation", ["describe_execution", "get_execution_history", "stop_execution"]
)
def test_what_is_no_arn_or_no_execution_is_refused(operation: str, bench: Bench) -> None:
    """LS test_sfn_api.py::test_describe_execution_invalid_arn and its neighbours"""
    call = getattr(bench.service, operation)
    assert refusal(lambda: call({"executionArn": "nonsense"})) == (
        "InvalidArn",
        "Invalid Arn: 'Invalid ARN prefix: nonsense'",
    )
    missing = "arn:aws:states:us-east-1:000000000000:execution:m:e"
    assert refusal(lambda: call({"executionArn": missing})) == (
        "ExecutionDoesNotExist",
        f"Execution Does Not Exist: '{missing}'",
    )


def test_machines_are_listed_by_name_in_pages(bench: Bench) -> None:
    for name in ("b", "c", "a"):
        bench.create(PASS, name)
    first = bench.service.list_state_machines({"maxResults": 2})
    second = bench.service.list_state_machines({"maxResults": 2, "nextToken": first["nextToken"]})
    named = [one["name"] for one in (*first["stateMachines"], *second["stateMachines"])]
    assert named == ["a", "b", "c"]
    assert "nextToken" not in second
    wrong = {"nextToken": "nobody gave this"}
    assert refusal(lambda: bench.service.list_state_machines(wrong))[0] == "InvalidToken"
