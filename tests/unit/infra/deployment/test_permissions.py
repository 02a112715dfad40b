"""The policy for deployers: valid, narrow, and enough for what the template holds."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from infra.deployment.endpoint_permissions import ENDPOINT_STATEMENTS
from infra.deployment.endpoint_permissions import FILE as ENDPOINTS_FILE
from infra.deployment.job_permissions import FILE as JOBS_FILE
from infra.deployment.job_permissions import JOB_STATEMENTS
from infra.deployment.permissions import (
    BY_CLOUDFORMATION,
    STATEMENTS,
    DeployerStatement,
    allowed,
    policy_document,
)
from infra.deployment.preflight.permission_checks import DEPLOYER_ACTIONS
from infra.deployment.removal.service_resources import HOSTED_KINDS, JOB_KINDS
from infra.deployment.resource_names import template_scope
from tests.architecture.ingest_definition import ROOT
from tests.architecture.templates import plain
from tests.unit.infra.deployment import policy
from tests.unit.infra.deployment.aws import ACCOUNT, REGION
from tests.unit.infra.deployment.driving import Driver
from tests.unit.infra.deployment.policy import Need
from tests.unit.infra.deployment.test_resource_names import HERE

WHOLE_ACCOUNT = {
    # No resource can be named: lists, looks, and what is made before it has a name.
    "EventSources": "an event source mapping is named by AWS",
    "Keys": "a key is named by AWS; the condition on the tag narrows it",
    "LogDeliveries": "a log delivery has no name",
    "LookBefore": "what is only read",
    "NewKeys": "a key has no name before it is made",
}
"""All but `LookBefore` are for CloudFormation alone."""


def test_every_action_is_one_that_iam_knows() -> None:
    linter = find_spec("cfnlint")
    assert linter is not None
    assert linter.origin is not None
    data = Path(linter.origin).parent / "data" / "AdditionalSpecs"
    known = json.loads((data / "Policies.json").read_text())
    unknown = [
        action
        for statement in (*STATEMENTS, *JOB_STATEMENTS)
        for action in statement.actions
        if not action.endswith(":*")
        and action.partition(":")[2].lower() not in known[action.partition(":")[0]]["Actions"]
    ]
    assert unknown == []
    assert all(each.actions[0].partition(":")[0] in known for each in STATEMENTS)


def test_every_type_of_the_template_is_one_that_a_statement_is_for() -> None:
    statements = (*STATEMENTS, *ENDPOINT_STATEMENTS)
    covered = {kind for statement in statements for kind in statement.for_types}
    used = {each["Type"] for each in plain("dev")["Resources"].values()}
    assert used - covered == set()


def test_nothing_is_granted_on_everything_but_what_has_no_name() -> None:
    wide = {each.sid for each in STATEMENTS if "*" in each.resources}
    assert wide == set(WHOLE_ACCOUNT)
    assert "*" not in {action for each in STATEMENTS for action in each.actions}
    direct = {each.sid for each in STATEMENTS if "*" in each.resources and not _by_another(each)}
    assert direct == {"LookBefore"}


def _by_another(statement: DeployerStatement) -> bool:
    return BY_CLOUDFORMATION.items() <= statement.condition.items()


KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
OTHER_API = f"arn:aws:apigateway:{REGION}::/restapis/others"
TRACING = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ops.apigateway.amazonaws.com/X"
MAPPING = f"arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:1"


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("kms:CreateKey", "*", policy.BY_CLOUDFORMATION),
        ("kms:TagResource", KEY, policy.BY_CLOUDFORMATION),
        ("kms:PutKeyPolicy", KEY, {**policy.BY_CLOUDFORMATION, **policy.OF_A_STAGE}),
        ("kms:CreateAlias", f"{KEY[:-5]}alias/headrace-dev", policy.BY_CLOUDFORMATION),
        ("apigateway:DELETE", OTHER_API, policy.BY_CLOUDFORMATION),
        ("apigateway:PATCH", OTHER_API, policy.BY_CLOUDFORMATION),
        ("lambda:CreateEventSourceMapping", "*", policy.BY_CLOUDFORMATION),
        ("lambda:UpdateEventSourceMapping", MAPPING, policy.OF_ITS_FUNCTION),
        ("logs:PutResourcePolicy", "*", policy.BY_CLOUDFORMATION),
        ("kms:ScheduleKeyDeletion", KEY, policy.OF_A_STAGE),
        (
            "kms:Decrypt",
            KEY,
            {**policy.OF_A_STAGE, "kms:ViaService": (f"dynamodb.{REGION}.amazonaws.com",)},
        ),
        (
            "iam:CreateServiceLinkedRole",
            TRACING,
            {"iam:AWSServiceName": ("ops.apigateway.amazonaws.com",)},
        ),
    ],
)
def test_what_is_of_the_account_is_granted_in_its_context_alone(
    action: str, resource: str, context: policy.Context
) -> None:
    assert policy.is_granted(Need(action, resource, context))
    for key in context:
        rest = {name: value for name, value in context.items() if name != key}
        assert not policy.is_granted(Need(action, resource, rest)), f"granted without {key}"


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("kms:PutKeyPolicy", KEY),
        ("kms:Decrypt", KEY),
        ("kms:TagResource", KEY),
        ("apigateway:PUT", OTHER_API),
        ("logs:PutResourcePolicy", "*"),
        ("iam:CreateServiceLinkedRole", TRACING),
        ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/headrace-dev-Role"),
        ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/Admin"),
        ("s3:GetObject", "arn:aws:s3:::others/x"),
        ("dynamodb:DeleteTable", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/others"),
        ("cloudformation:DeleteStack", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/other/1"),
    ],
)
def test_a_deployer_cannot_reach_what_others_have(action: str, resource: str) -> None:
    assert not policy.is_granted(Need(action, resource, policy.OF_A_STAGE))


def test_a_role_can_be_handed_to_services_only() -> None:
    (passing,) = [
        each for each in policy_document()["Statement"] if "iam:PassRole" in each["Action"]
    ]
    assert passing["Condition"]["StringEquals"]["iam:PassedToService"]
    assert passing["Resource"] == ["arn:aws:iam::*:role/headrace-*"]


def test_what_the_check_asks_for_is_what_the_policy_grants(driver: Driver) -> None:
    def simulated(asked: dict[str, Any]) -> dict[str, Any]:
        (action,), (resource,) = asked["ActionNames"], asked["ResourceArns"]
        context = {
            each["ContextKeyName"]: tuple(each["ContextKeyValues"])
            for each in asked["ContextEntries"]
        }
        granted = policy.is_granted(Need(action, resource, context))
        decision = "allowed" if granted else "implicitDeny"
        return {"EvaluationResults": [{"EvalActionName": action, "EvalDecision": decision}]}

    driver.answer(iam__SimulatePrincipalPolicy=simulated)

    assert driver.look() == []
    assert len(driver.asked("iam.SimulatePrincipalPolicy")) == len(DEPLOYER_ACTIONS)


def test_the_document_fits_into_a_managed_policy() -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    for statements in (STATEMENTS, ENDPOINT_STATEMENTS, JOB_STATEMENTS):
        written = json.dumps(policy_document(statements), separators=(",", ":"))
        assert len("".join(written.split())) <= 6144


SERVICES = (
    "account",
    "apigateway",
    "bedrock",
    "cloudformation",
    "dynamodb",
    "events",
    "iam",
    "kms",
    "lambda",
    "logs",
    "resourcegroupstaggingapi",
    "s3",
    "s3vectors",
    "sqs",
    "stepfunctions",
)


def test_every_call_in_the_code_is_granted() -> None:
    operations = {
        xform_name(operation): (service, operation)
        for service in SERVICES
        for operation in _model(service).operation_names
    }
    calls = {operations[name] for name in _called() if name in operations}
    assert len(calls) > 50
    statements = (*STATEMENTS, *JOB_STATEMENTS)
    refused = [call for call in sorted(calls) if not allowed(_action(*call), statements)]
    assert refused == []


SOMEONE_ELSES = {
    "account enable-region": "who deploys need not be who opens regions",
    "bedrock list-foundation-models": "what the account may choose from is no matter of a stage",
    "service-quotas request-service-quota-increase": "quotas are the account's",
}
"""What messages name, and whoever runs the account does."""


def test_every_command_that_a_message_names_is_granted() -> None:
    named = set(_named_commands())
    assert {"cloudformation cancel-update-stack", "kms cancel-key-deletion"} <= named
    refused = [
        each
        for each in sorted(named - SOMEONE_ELSES.keys())
        if not any(map(allowed, _actions_of(*each.split())))
    ]
    assert refused == []
    assert set(SOMEONE_ELSES) <= named


def test_no_message_names_a_command_without_the_region_and_profile() -> None:
    texts = [
        (source.name, node.value)
        for source in SOURCES
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if source.name != "commands.py"
    ]
    wrong = [each for each in texts if re.search(r"\baws [a-z0-9-]+ [a-z]+-[a-z-]+ --", each[1])]
    wrong += [each for each in texts if re.search(r"headrace (destroy|deploy) --stage", each[1])]
    assert wrong == []


SOURCES = [*(ROOT / "infra" / "deployment").rglob("*.py"), *(ROOT / "cli" / "stage").glob("*.py")]


def _named_commands() -> Iterator[str]:
    """Yield the service and operation of each command that goes through `Commands.aws`."""
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(attr="aws"), args=[command]):
                    yield " ".join(_beginning(command).split()[:2])


def _beginning(text: ast.expr) -> str:
    """Return the part of a text that is written out."""
    if isinstance(text, ast.JoinedStr):
        return _beginning(text.values[0])
    assert isinstance(text, ast.Constant)
    return str(text.value)


def _actions_of(service: str, command: str) -> list[str]:
    if command == "tail":
        return ["logs:FilterLogEvents"]
    names = {xform_name(each, "-"): each for each in _model(service).operation_names}
    return [_action(service, names[command])]


def _called() -> set[str]:
    """Return the names of methods that the code calls, and of those that it pages through."""
    found: set[str] = set()
    sources = [*(ROOT / "infra" / "deployment").rglob("*.py"), *(ROOT / "infra").glob("*.py")]
    for source in sources:
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                found.add(node.func.attr)
                found |= {
                    str(argument.value)
                    for argument in node.args
                    if node.func.attr == "get_paginator" and isinstance(argument, ast.Constant)
                }
    return found


def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def _action(service: str, operation: str) -> str:
    if service == "apigateway":
        return "apigateway:GET"
    prefixes = {"stepfunctions": "states", "resourcegroupstaggingapi": "tag"}
    return f"{prefixes.get(service, service)}:{operation}"


NAME_PROPERTIES = {
    "AlarmName",
    "BudgetName",
    "DashboardName",
    "FunctionName",
    "LogGroupName",
    "QueueName",
    "StateMachineName",
    "TableName",
    "TopicName",
    "VectorBucketName",
}
PREFIXES = (
    *("headrace-dev", "/headrace/dev/", "/aws/vendedlogs/states/headrace-dev"),
    "/aws/sagemaker/Endpoints/headrace-dev",
)


def test_every_name_that_the_template_gives_is_one_that_the_policy_covers() -> None:
    template = plain("dev")
    scope = template_scope(template, {"Stage": "dev"} | _bucket(template), HERE)
    given = [
        properties[name]
        for each in template["Resources"].values()
        for properties in (each.get("Properties", {}), each.get("Properties", {}).get("Budget", {}))
        for name in NAME_PROPERTIES & properties.keys()
        if each["Type"] not in ("AWS::Lambda::Permission", "AWS::Lambda::EventSourceMapping")
    ]
    resolved = [scope.resolve(name) for name in given if not _refers(name)]
    assert len(resolved) > 25
    assert [name for name in resolved if not str(name).startswith(PREFIXES)] == []


def _bucket(template: dict[str, Any]) -> dict[str, str]:
    known = {"ArtifactsBucket": HERE.artifacts_bucket}
    return {name: value for name, value in known.items() if name in template["Parameters"]}


def _refers(name: object) -> bool:
    """Say whether a name is that of another resource."""
    return isinstance(name, dict) and "Fn::Sub" not in name


def test_the_policies_beside_it_are_written_as_they_are() -> None:
    assert json.loads(ENDPOINTS_FILE.read_text()) == policy_document(ENDPOINT_STATEMENTS)
    assert json.loads(JOBS_FILE.read_text()) == policy_document(JOB_STATEMENTS)


def test_what_a_removal_does_in_sagemaker_is_granted_on_the_stages_own() -> None:
    kinds = (*JOB_KINDS, *HOSTED_KINDS)
    names = {xform_name(each): each for each in _model("sagemaker").operation_names}
    for kind in kinds:
        assert allowed(f"sagemaker:{names[kind.listing]}", JOB_STATEMENTS)
        ends = [kind.end, kind.end.replace("stop_", "describe_")]
        for action in (f"sagemaker:{names[each]}" for each in ends):
            granting = [each for each in JOB_STATEMENTS if allowed(action, [each])]
            assert granting, action
            for arn in (arn for each in granting for arn in each.resources):
                assert arn.endswith("/headrace-*")
