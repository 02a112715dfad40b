"""Who rolls back cannot promote: the policies say it, whatever the code does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.budgets import BudgetRecords
from chalicelib.adapters.records.models import BreakerRecords
from chalicelib.adapters.records.prompts import PromptTable
from chalicelib.adapters.records.rollouts import RolloutStops, RolloutTable
from chalicelib.adapters.records.writes import stop_pk, tenant_pk
from chalicelib.budgets.changes import reservation_change
from chalicelib.budgets.limits import TenantLimits
from chalicelib.contracts.budgets import Reservation
from chalicelib.contracts.rollouts import LiveChoice, ShadowObservation
from chalicelib.prompts.records import PromptChange, PromptHead
from infra.cloudformation.intrinsics import TemplateScope
from localcloud.iam.actions import required_permissions
from localcloud.iam.policy import AccessRequest, PolicyDocument, evaluate, parse_policy
from localcloud.iam.resources import AccountResources, RequiredPermission
from tests.architecture.templates import plain
from tests.unit.rollouts.examples import ID, NOW, SUBJECT, TENANT, call, pointer, state, stop

PLACE = {"AWS::Region": "eu-west-1", "AWS::AccountId": "1" * 12, "AWS::Partition": "aws"}
TABLE = "arn:aws:dynamodb:eu-west-1:111111111111:table/records"
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem")
OTHERS = (
    "lambda:InvokeFunction",
    "states:SendTaskSuccess",
    "states:StartExecution",
    "s3:PutObject",
    "sagemaker:UpdateEndpointWeightsAndCapacities",
)


def role(name: str) -> list[PolicyDocument]:
    """Return the policies of a role, but for the logs and traces that every function writes."""
    template = plain("prod")
    scope = TemplateScope(template, {"Stage": "prod"}, PLACE)
    for resource in template["Resources"]:
        scope.add_resource(
            resource,
            TABLE if resource == "RecordsTable" else resource,
            {"Arn": TABLE if resource == "RecordsTable" else "", "VectorBucketArn": ""},
        )
    policies: list[Any] = template["Resources"][name]["Properties"]["Policies"]
    documents = [scope.resolve(each)["PolicyDocument"] for each in policies]
    return [parse_policy(each, name) for each in documents]


def may(policies: list[PolicyDocument], action: str, pk: str = "") -> bool:
    context = {"dynamodb:leadingkeys": (pk,)} if pk else {}
    request = AccessRequest(action, TABLE, (("AWS", "role"),), context, "1" * 12)
    return evaluate(request, policies).allowed


class Spy:
    """A DynamoDB that remembers the permissions of what is written, and writes nothing."""

    def __init__(self) -> None:
        self.needed: list[RequiredPermission] = []

    def __getattr__(self, operation: str) -> Any:
        def call(**params: Any) -> dict[str, Any]:
            name = "".join(part.capitalize() for part in operation.split("_"))
            account = AccountResources("eu-west-1", "1" * 12, lambda table: "pk")
            self.needed += required_permissions("dynamodb", name, params, account)
            return {"Attributes": {}}

        return call


def needed(write: Callable[[DynamoTable], object]) -> list[RequiredPermission]:
    """Return the permissions that a write of the records table needs."""
    spy: Any = Spy()
    write(DynamoTable(spy, "records"))
    return list(spy.needed)


def allowed(name: str, write: Callable[[DynamoTable], object]) -> list[bool]:
    """Return of each part of a write whether a role may do it."""
    policies = role(name)
    return [
        evaluate(
            AccessRequest(each.action, TABLE, (("AWS", "role"),), each.context, "1" * 12), policies
        ).allowed
        for each in needed(write)
        if each.action != "dynamodb:ConditionCheckItem"
    ]


def reserve(table: DynamoTable) -> None:
    request = Reservation(
        reservation_id="reserved-1",
        tenant=TENANT,
        made_at=NOW,
        key="key-1",
        model="nova-micro",
        nanodollars=5,
        day=NOW.date(),
        expires_at=NOW,
    )
    BudgetRecords(table).apply(TENANT, reservation_change(request, TenantLimits()))


def move_label(table: DynamoTable) -> None:
    head = PromptHead("faq", NOW, NOW, latest=2, labels={"production": 2}, revision=2)
    PromptTable(table).change(TENANT, head, PromptChange(head))


def begin(table: DynamoTable) -> None:
    RolloutTable(table).create(state(), pointer())


def choose(table: DynamoTable) -> None:
    chosen = LiveChoice(subject=SUBJECT, version="4", rollout_id=ID, since=NOW)
    RolloutTable(table).change(state(status="running"), pointer(share=100), chosen)


def observe(table: DynamoTable) -> None:
    kept = ShadowObservation(metrics=call(1, "candidate"))
    RolloutTable(table).put_observation(TENANT, ID, kept)


def forget_days(table: DynamoTable) -> None:
    BudgetRecords(table).drop_days(TENANT, [NOW.date()])


def open_day(table: DynamoTable) -> None:
    content = {"opened": 1, "m:t/": 5, "m:k/key-1": 5}
    BudgetRecords(table).open_day(TENANT, NOW.date(), content)


def announce(table: DynamoTable) -> None:
    BudgetRecords(table).mark_announced(TENANT, "day", 5)


def note_failing_model(table: DynamoTable) -> None:
    BreakerRecords(table, NOW.timestamp).save("nova-micro", "open", 60.0)


@pytest.mark.parametrize(
    "write", [observe, reserve, open_day, forget_days, announce, note_failing_model]
)
def test_who_asks_the_candidate_should_keep_answers_and_budgets(
    write: Callable[[DynamoTable], object],
) -> None:
    found = allowed("ReplayCallsRole", write)
    assert found
    assert all(found)


@pytest.mark.parametrize("write", [move_label, begin, choose])
def test_who_asks_the_candidate_should_not_make_it_live(
    write: Callable[[DynamoTable], object],
) -> None:
    found = allowed("ReplayCallsRole", write)
    assert found
    assert not any(found)
    assert all(allowed("AdvanceRolloutRole", write))


def test_who_asks_the_candidate_should_touch_no_stop() -> None:
    def stop_it(table: DynamoTable) -> None:
        RolloutStops(table).put(stop())

    assert allowed("ReplayCallsRole", stop_it) == [False]
    assert allowed("StopRolloutRole", stop_it) == [True]
    assert not may(role("ReplayCallsRole"), "dynamodb:DeleteItem", stop_pk("acme"))


def test_who_stops_should_write_stops_and_nothing_else() -> None:
    policies = role("StopRolloutRole")
    assert may(policies, "dynamodb:PutItem", stop_pk("acme"))
    for pk in (tenant_pk("acme"), "ANSWER#acme", "JOBS", "STOPS"):
        assert not any(may(policies, f"dynamodb:{write}", pk) for write in WRITES), pk
    removals = ("UpdateItem", "DeleteItem", "BatchWriteItem")
    assert not any(may(policies, f"dynamodb:{write}", stop_pk("acme")) for write in removals)


@pytest.mark.parametrize("action", OTHERS)
def test_who_stops_should_do_nothing_beside(action: str) -> None:
    assert not may(role("StopRolloutRole"), action)


def test_who_stops_should_have_no_policy_beside_its_own() -> None:
    """Weights of an endpoint follow a stop by the role that advances, at its next look."""
    resources = plain("prod")["Resources"].values()
    added = [each["Properties"] for each in resources if each["Type"] == "AWS::IAM::RolePolicy"]
    assert {"Ref": "StopRolloutRole"} not in [each["RoleName"] for each in added]
    movers = [each["RoleName"]["Ref"] for each in added if each["PolicyName"] == "MoveWeights"]
    assert sorted(movers) == ["AdvanceRolloutRole", "JobEndedRole", "SweepJobsRole"]


def test_who_advances_should_promote() -> None:
    policies = role("AdvanceRolloutRole")
    assert all(may(policies, f"dynamodb:{each}", tenant_pk("acme")) for each in WRITES[:3])
    assert not may(policies, "lambda:InvokeFunction"), "it asks no model"
