"""The template's policies as they are written: narrow, one for each, and told in the docs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from infra.grants import BEGIN, END, PAGE, GrantStatement, grant_table, owners, statements
from infra.synthesis import transforms
from localcloud.iam.audit import is_broad
from localcloud.iam.audit_exceptions import BROAD_GRANTS, UNSCOPED_ACTIONS, UNTESTED_GRANTS
from tests.architecture.ingest_definition import ROOT
from tests.architecture.templates import plain

STAGES = ("dev", "prod")
MANAGED = "ManagedPolicyArns"


@pytest.fixture(params=STAGES)
def template(request: pytest.FixtureRequest) -> dict[str, Any]:
    return plain(request.param)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def text_of(resource: Any) -> str:
    """Return an ARN as a policy writes it, with names for references; one alone names a thing."""
    text = resource.get("Fn::Sub", "") if isinstance(resource, dict) else resource
    return re.sub(r"\$\{[\w:.]+\}", "name", text)


def keys_of(statement: dict[str, Any]) -> set[str]:
    return {key.lower() for keys in statement.get("Condition", {}).values() for key in keys}


def granting(template: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each statement of each role's own policies that allows something."""
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::IAM::Role":
            for policy in resource["Properties"].get("Policies", []):
                for statement in listed(policy["PolicyDocument"]["Statement"]):
                    if statement["Effect"] == "Allow":
                        yield name, statement


def allowing(template: dict[str, Any]) -> list[GrantStatement]:
    return [each for each in statements(template) if each.effect == "Allow"]


def test_no_role_should_be_granted_a_pattern_of_actions(template: dict[str, Any]) -> None:
    found = [(s.owner, a) for s in allowing(template) for a in s.actions if set(a) & set("*?")]
    assert found == []


def test_only_actions_without_a_resource_should_be_granted_on_all(
    template: dict[str, Any],
) -> None:
    free = {each.action for each in UNSCOPED_ACTIONS}
    granted = {a for s in allowing(template) for a in s.actions if "*" in s.resources}
    assert granted <= free
    assert free <= granted, "an action in the table is not granted any more"


def test_everything_of_a_kind_should_be_granted_only_where_the_table_says_why(
    template: dict[str, Any],
) -> None:
    broad = [
        (role, action, arn, keys_of(given))
        for role, given in granting(template)
        for action in listed(given["Action"])
        for arn in map(text_of, listed(given["Resource"]))
        if is_broad(arn)
    ]
    needed = {each for each in BROAD_GRANTS for _, *granted in broad if each.covers(*granted)}
    assert [g for g in broad if not any(each.covers(*g[1:]) for each in needed)] == []
    assert needed == set(BROAD_GRANTS), "an exception in the table is not granted any more"


def test_every_function_and_machine_should_have_a_role_of_its_own(
    template: dict[str, Any],
) -> None:
    shared = {role: users for role, users in owners(template).items() if len(users) > 1}
    assert shared == {}
    kinds = ("AWS::Lambda::Function", "AWS::StepFunctions::StateMachine")
    runners = {n for n, r in template["Resources"].items() if r["Type"] in kinds}
    assert {user for users in owners(template).values() for user in users} == runners


def test_no_role_should_have_a_policy_that_aws_manages(template: dict[str, Any]) -> None:
    found = [n for n, r in template["Resources"].items() if r.get("Properties", {}).get(MANAGED)]
    assert found == []


def test_functions_should_log_into_the_group_of_their_stage_alone(
    template: dict[str, Any],
) -> None:
    functions = [n for n, r in template["Resources"].items() if r["Type"].endswith("::Function")]
    logging = {s.owner: s.resources for s in allowing(template) if s.sid == "WriteLogs"}
    assert logging == dict.fromkeys(functions, ("FunctionLogs",))


def test_chalice_should_make_no_policy_by_itself() -> None:
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    assert config["autogen_policy"] is False
    named = [config["iam_policy_file"]]
    named += [each["iam_policy_file"] for each in config["lambda_functions"].values()]
    files = sorted(file.name for file in (ROOT / ".chalice").glob("policy-*.json"))
    assert sorted(named) == files


def test_documents_should_be_taken_over_tls_only(template: dict[str, Any]) -> None:
    policies = [r for r in template["Resources"].values() if r["Type"] == "AWS::S3::BucketPolicy"]
    (statement,) = policies[0]["Properties"]["PolicyDocument"]["Statement"]
    assert len(policies) == 1
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == (
        "Deny",
        "*",
        "s3:*",
    )
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_docs_should_tell_what_each_role_may_do() -> None:
    told = PAGE.read_text().partition(BEGIN)[2].partition(END)[0].strip()
    assert told == grant_table(plain("prod")), "python -m infra.grants writes it anew"


def test_what_the_audit_lets_pass_should_have_a_reason_and_a_source() -> None:
    sources = [each.source for each in UNTESTED_GRANTS]
    sources += [each.source for each in UNSCOPED_ACTIONS] + [each.source for each in BROAD_GRANTS]
    assert all(source.startswith("https://docs.aws.amazon.com/") for source in sources)
    reasons = [each.reason for each in UNTESTED_GRANTS] + [each.reason for each in BROAD_GRANTS]
    assert all(len(reason) > 20 for reason in reasons)
    assert len(UNTESTED_GRANTS) <= 18, "extend an end-to-end test instead"


def test_the_sweeps_should_be_granted_what_settles_by_events_is_and_little_more(
    template: dict[str, Any],
) -> None:
    def granted(owner: str) -> set[tuple[str, str]]:
        mine = [each for each in allowing(template) if each.owner == owner]
        return {(action, on) for each in mine for action in each.actions for on in each.resources}

    for by_event, sweep in (("ExecutionEnded", "Sweep"), ("JobEnded", "SweepJobs")):
        more = granted(sweep) - granted(by_event)
        kinds = {"states:StartExecution", "states:DescribeExecution", "dynamodb:Query"}
        if sweep == "SweepJobs":
            kinds |= {f"scheduler:{verb}Schedule" for verb in ("Create", "Update", "Delete")}
            kinds |= {"iam:PassRole", "s3:DeleteObjectVersion", "s3:ListBucketVersions"}
        assert {action for action, _ in more} <= kinds
        assert granted(by_event) <= granted(sweep)


def test_a_policy_of_aws_that_sam_adds_should_be_narrowed_and_another_kept() -> None:
    base = "arn:aws:iam::aws:policy"
    role: dict[str, Any] = {
        MANAGED: [
            f"{base}/service-role/AWSLambdaBasicExecutionRole",
            {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AWSXRayDaemonWriteAccess"},
            f"{base}/Chosen",
        ]
    }
    other = {"Type": "AWS::SQS::Queue", "Properties": {}}
    made: dict[str, Any] = {
        "Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": role}, "Q": other}
    }
    transforms.narrow_roles(made)
    assert role[MANAGED] == [f"{base}/Chosen"]
    (policy,) = role["Policies"]
    sids = [each["Sid"] for each in policy["PolicyDocument"]["Statement"]]
    assert sids == ["WriteLogs", "WriteTraces"]
