"""Aliases of state machines, held to AWS's answers.

`LS` is explained in `recorded.py`, and here is test_sfn_api_aliasing.py; the rest is from
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-state-machine-alias.html.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.stepfunctions.bench import MACHINE, Bench, refusal
from tests.unit.stepfunctions.recorded import one
from tests.unit.stepfunctions.test_crashes import wait_for
from tests.unit.stepfunctions.test_versions import listed, result, run, update

ALIAS = f"{MACHINE}:live"
FIRST, SECOND = f"{MACHINE}:1", f"{MACHINE}:2"
NO_RESOURCE = ("ResourceNotFound", "Request references a resource that does not exist.")


def routes(*pairs: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"stateMachineVersionArn": arn, "weight": weight} for arn, weight in pairs]


def create(bench: Bench, *pairs: tuple[str, int], name: str = "live", **more: Any) -> str:
    given = {"name": name, "routingConfiguration": routes(*(pairs or ((FIRST, 100),))), **more}
    return str(bench.service.create_state_machine_alias(given)["stateMachineAliasArn"])


def aliases(bench: Bench, arn: str = MACHINE) -> list[str]:
    found = bench.service.list_state_machine_aliases({"stateMachineArn": arn})
    return [each["stateMachineAliasArn"] for each in found["stateMachineAliases"]]


@pytest.fixture
def versions(bench: Bench) -> Bench:
    bench.create(result(1), publish=True)
    update(bench, 2, publish=True)
    return bench


def test_an_execution_names_the_alias_and_the_version_that_it_runs(versions: Bench) -> None:
    """LS test_base_lifecycle_create_invoke_describe_list"""
    assert create(versions) == ALIAS
    by_alias, by_version = run(versions, ALIAS, "a"), run(versions, FIRST, "b")
    assert (by_alias["output"], by_alias["stateMachineArn"]) == ("1", MACHINE)
    assert by_alias["stateMachineVersionArn"] == by_version["stateMachineVersionArn"] == FIRST
    assert by_alias["stateMachineAliasArn"] == ALIAS
    assert "stateMachineAliasArn" not in by_version
    versions.restart()
    listed_by = {
        arn: {
            each["name"]: each.get("stateMachineAliasArn")
            for each in versions.service.list_executions({"stateMachineArn": arn})["executions"]
        }
        for arn in (MACHINE, FIRST, ALIAS)
    }
    assert listed_by == {
        MACHINE: {"a": ALIAS, "b": None},
        FIRST: {"a": ALIAS, "b": None},
        ALIAS: {"a": ALIAS},
    }
    wait_for(lambda: bool(versions.published))
    assert versions.published[0]["detail"]["stateMachineAliasArn"] == ALIAS


def test_executions_are_shared_out_by_weight(versions: Bench) -> None:
    create(versions, (FIRST, 30), (SECOND, 70))
    outputs = []
    for number, chance in enumerate((0.0, 0.29, 0.3, 0.99)):
        versions.jitter = chance
        outputs.append(run(versions, ALIAS, f"e{number}")["output"])
    assert outputs == ["1", "1", "2", "2"]


def test_an_express_machine_runs_by_its_alias(bench: Bench) -> None:
    bench.create(one({"Type": "Pass"}), type="EXPRESS", publish=True)
    create(bench)
    asked = {"stateMachineArn": ALIAS}
    code, _ = refusal(lambda: bench.service.list_executions(asked))
    assert code == "StateMachineTypeNotSupported"
    started = bench.service.start_execution({**asked, "name": "e"})
    assert started["executionArn"].startswith(MACHINE.replace(":stateMachine:", ":express:"))


def test_the_same_alias_is_created_once(versions: Bench) -> None:
    """LS test_idempotent_create_alias, test_error_create_alias_not_idempotent"""
    assert create(versions, description="d") == create(versions, description="d")
    create(versions, name="live-second")
    assert aliases(versions) == [ALIAS, f"{ALIAS}-second"]
    conflict = (
        "ConflictException",
        (
            "Failed to create alias because an alias with the same name and a different "
            "routing configuration already exists."
        ),
    )
    assert refusal(lambda: create(versions, description="e")) == conflict
    assert refusal(lambda: create(versions, (SECOND, 100), description="d")) == conflict


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (
            [(MACHINE, 100)],
            f"Routing configuration must contain state machine version ARNs. Received: [{MACHINE}]",
        ),
        (
            [(FIRST, 50), (FIRST, 50)],
            (
                "Routing configuration must contain distinct state machine version ARNs. "
                f"Received: [{FIRST}, {FIRST}]"
            ),
        ),
        (
            [(FIRST, 70), (SECOND, 29)],
            "Sum of routing configuration weights must equal 100. Received: [70, 29]",
        ),
        (
            [(FIRST, 70), (SECOND, 31)],
            "Sum of routing configuration weights must equal 100. Received: [70, 31]",
        ),
    ],
)
def test_a_wrong_routing_configuration_is_refused(
    pairs: list[tuple[str, int]], message: str, versions: Bench
) -> None:
    """LS test_error_create_alias_invalid_router_configs, …_with_state_machine_arn"""
    assert refusal(lambda: create(versions, *pairs)) == ("ValidationException", message)
    create(versions)
    given = {"stateMachineAliasArn": ALIAS, "routingConfiguration": routes(*pairs)}
    assert refusal(lambda: versions.service.update_state_machine_alias(given)) == (
        "ValidationException",
        message,
    )


def test_an_alias_stays_within_one_state_machine(versions: Bench) -> None:
    other = versions.create(result(1), "other", publish=True)
    code, _ = refusal(lambda: create(versions, (FIRST, 50), (f"{other}:1", 50)))
    assert code == "ValidationException"
    create(versions)
    moved = {"stateMachineAliasArn": ALIAS, "routingConfiguration": routes((f"{other}:1", 100))}
    code, _ = refusal(lambda: versions.service.update_state_machine_alias(moved))
    assert code == "ValidationException"
    assert refusal(lambda: create(versions, (f"{MACHINE}:3", 100))) == NO_RESOURCE


@pytest.mark.parametrize("name", ["123", "INVALID ALIAS", "!INVALID", "ALIAS@"])
def test_a_name_that_could_be_a_version_or_has_other_characters_is_refused(
    name: str, versions: Bench
) -> None:
    """LS test_error_create_alias_invalid_name"""
    assert refusal(lambda: create(versions, name=name)) == (
        "ValidationException",
        (
            f"1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: "
            r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$"
        ),
    )


def test_an_update_changes_what_it_names(versions: Bench) -> None:
    """LS test_base_lifecycle_create_update_describe"""
    create(versions, description="old")
    named = {"stateMachineAliasArn": ALIAS}
    service = versions.service
    assert list(service.update_state_machine_alias({**named, "description": "new"})) == [
        "updateDate"
    ]
    halves = routes((FIRST, 50), (SECOND, 50))
    service.update_state_machine_alias({**named, "routingConfiguration": halves})
    described = service.describe_state_machine_alias(named)
    assert described.keys() >= {"creationDate", "updateDate"}
    assert (described["name"], described["description"]) == ("live", "new")
    assert described["routingConfiguration"] == halves
    code, _ = refusal(lambda: service.update_state_machine_alias(named))
    assert code == "ValidationException"


def test_a_version_that_an_alias_refers_to_is_not_deleted(versions: Bench) -> None:
    """LS test_delete_version_with_alias"""
    create(versions)
    first = {"stateMachineVersionArn": FIRST}
    assert refusal(lambda: versions.service.delete_state_machine_version(first)) == (
        "ConflictException",
        (
            "Version to be deleted must not be referenced by an alias. Current list of aliases "
            "referencing this version: [live]"
        ),
    )
    assert (aliases(versions, FIRST), aliases(versions, SECOND)) == ([ALIAS], [])
    moved = {"stateMachineAliasArn": ALIAS, "routingConfiguration": routes((SECOND, 100))}
    versions.service.update_state_machine_alias(moved)
    versions.service.delete_state_machine_version(first)
    assert listed(versions) == [SECOND]


def test_a_deleted_alias_is_gone_and_may_be_deleted_again(versions: Bench) -> None:
    """LS test_base_lifecycle_create_delete_list, test_{update,delete}_no_such_alias_arn"""
    create(versions)
    named = {"stateMachineAliasArn": ALIAS}
    for _ in range(2):
        versions.service.delete_state_machine_alias(named)
    assert aliases(versions) == []
    update_it = {**named, "description": "d"}
    assert refusal(lambda: versions.service.update_state_machine_alias(update_it)) == NO_RESOURCE
    assert refusal(lambda: versions.service.describe_state_machine_alias(named)) == NO_RESOURCE
    assert refusal(lambda: versions.service.start_execution({"stateMachineArn": ALIAS})) == (
        "StateMachineDoesNotExist",
        f"State Machine Does Not Exist: '{ALIAS}'",
    )


def test_aliases_go_with_their_state_machine(versions: Bench) -> None:
    """LS test_delete_revision_with_alias"""
    create(versions)
    versions.service.delete_state_machine({"stateMachineArn": MACHINE})
    versions.create(result(1), publish=True)
    assert aliases(versions) == []
