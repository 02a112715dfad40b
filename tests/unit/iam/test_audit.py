"""The audit fails on each thing that it is there for, and on nothing else."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from localcloud.iam import audit as auditing
from localcloud.iam.audit import (
    AuditReport,
    audit_ledgers,
    count_calls,
    find_ledgers,
    is_broad,
    render_table,
)
from localcloud.iam.audit_exceptions import BroadGrant, UnscopedAction, UntestedGrant
from localcloud.iam.ledger import (
    LEDGER_FILE,
    CallRecord,
    DecisionRecord,
    Ledger,
    LedgerContent,
    RolePolicy,
)

ROLE = "arn:aws:iam::000000000000:role/reader"
TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/records"
MODELS = "arn:aws:bedrock:*::foundation-model/*"
PROFILE = "arn:aws:bedrock:us-east-1:000000000000:inference-profile/us.a.b"
THROUGH = {"ArnLike": {"bedrock:InferenceProfileArn": PROFILE}}
ANY = BroadGrant(
    ("bedrock:InvokeModel",), MODELS, "It chooses.", "https://x", "bedrock:inferenceprofilearn"
)
TRACES = UntestedGrant(
    "*Role", ("xray:*",), "There is no X-Ray here.", "https://docs.aws.amazon.com/x"
)


def granted(
    action: Any, resource: Any = TABLE, sid: str = "May", condition: Any = None
) -> RolePolicy:
    statement = {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": resource}
    if condition is not None:
        statement["Condition"] = condition
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return RolePolicy(ROLE, "ReaderRole", f"policy-{sid}", document)


def decided(
    action: str, resource: str = TABLE, sid: str = "identity:May", *, allowed: bool = True
) -> DecisionRecord:
    return DecisionRecord(ROLE, action, resource, sid, allowed)


def judged(
    grants: Sequence[RolePolicy], *decisions: DecisionRecord, unseen: Sequence[UntestedGrant] = ()
) -> AuditReport:
    book = LedgerContent({}, dict.fromkeys(decisions, 2), tuple(grants))
    return audit_ledgers(
        [book, book], unseen, [UnscopedAction("xray:PutTraceSegments", "https://x")], [ANY]
    )


def test_grants_that_are_all_used_should_be_sound_and_counted_over_all_ledgers() -> None:
    found = judged([granted("dynamodb:GetItem")], decided("dynamodb:GetItem"))
    assert found.passed
    assert [line.count for line in found.lines] == [4]


def test_an_action_that_is_never_used_should_be_found() -> None:
    grants = [granted(["dynamodb:GetItem", "dynamodb:PutItem"])]
    found = judged(grants, decided("dynamodb:GetItem"))
    assert [grant.action for grant in found.unused] == ["dynamodb:putitem"]
    assert not found.passed


def test_a_resource_that_is_never_used_should_be_found() -> None:
    grants = [granted("s3:GetObject", ["arn:aws:s3:::b/inbox/*", "arn:aws:s3:::b/jobs/*"])]
    found = judged(grants, decided("s3:GetObject", "arn:aws:s3:::b/inbox/*"))
    assert [grant.resource for grant in found.unused] == ["arn:aws:s3:::b/jobs/*"]


def test_a_statement_that_another_makes_needless_should_be_found() -> None:
    grants = [granted("dynamodb:GetItem"), granted("dynamodb:GetItem", sid="Again")]
    found = judged(grants, decided("dynamodb:GetItem"))
    assert [grant.sid for grant in found.unused] == ["Again"]


def test_what_was_refused_should_be_found() -> None:
    refused = decided("dynamodb:PutItem", sid="", allowed=False)
    queues = (f"arn:aws:sqs:us-east-1:000000000000:{name}" for name in ("headrace-x-inbox", "own"))
    service, beside = (
        DecisionRecord("events.amazonaws.com", "sqs:SendMessage", queue, "", False)
        for queue in queues
    )
    administrator = DecisionRecord("administrator", "sqs:SendMessage", "q", "", False)
    grants = [granted("dynamodb:GetItem")]
    found = judged(grants, decided("dynamodb:GetItem"), refused, service, beside, administrator)
    assert dict(found.denied) == {refused: 4, service: 4}
    assert not found.passed


@pytest.mark.parametrize(
    ("action", "resource", "wide"),
    [
        ("dynamodb:*", TABLE, True),
        ("dynamodb:Get?tem", TABLE, True),
        ("dynamodb:GetItem", "*", True),
        ("xray:PutTraceSegments", "*", False),
        ("dynamodb:GetItem", f"{TABLE}/index/*", False),
        ("dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:000000000000:table/*", True),
        ("bedrock:InvokeModel", MODELS, True),
    ],
)
def test_what_is_granted_too_widely_should_be_found(action: str, resource: str, wide: bool) -> None:
    used = action.replace("*", "GetItem").replace("?", "I")
    found = judged([granted(action, resource)], decided(used, resource))
    assert bool(found.wide) is wide
    assert found.passed is not wide


@pytest.mark.parametrize(
    ("resource", "broad"),
    [
        (MODELS, True),
        ("arn:aws:logs:us-east-1:000000000000:*", True),
        ("arn:aws:states:us-east-1:000000000000:execution:*:*", True),
        ("arn:aws:s3:::*", True),
        ("arn:aws:s3:::*/*", True),
        ("arn:aws:s3:::docs/*", False),
        ("arn:aws:s3:::docs/inbox/*", False),
        ("arn:aws:sqs:us-east-1:000000000000:inbox", False),
        ("arn:aws:states:us-east-1:000000000000:execution:ingest:*", False),
        ("arn:aws:s3vectors:us-east-1:000000000000:bucket/vectors/index/*", False),
        ("arn:aws:logs:us-east-1:000000000000:log-group:/headrace/dev/functions:*", False),
        ("*", False),
    ],
)
def test_what_names_nothing_but_a_kind_should_be_broad(resource: str, broad: bool) -> None:
    assert is_broad(resource) is broad


def test_everything_of_a_kind_should_be_granted_under_the_condition_of_its_exception_alone() -> (
    None
):
    call = decided("bedrock:InvokeModel", MODELS)
    assert judged([granted("bedrock:InvokeModel", MODELS, condition=THROUGH)], call).passed
    other = {"StringEquals": {"aws:SourceAccount": "000000000000"}}
    found = judged([granted("bedrock:InvokeModel", MODELS, condition=other)], call)
    assert [grant.keys for grant in found.wide] == [("aws:sourceaccount",)]


def test_an_excuse_should_excuse_what_is_not_used_and_be_stale_when_it_is() -> None:
    grants = [granted("xray:PutTraceSegments", "*")]
    assert judged(grants, unseen=[TRACES]).passed
    used = judged(grants, decided("xray:PutTraceSegments", "*"), unseen=[TRACES])
    assert [(each.exception, each.grant) for each in used.stale] == [(TRACES, used.lines[0].grant)]
    assert not used.passed


def test_an_excuse_should_be_stale_for_each_grant_that_is_used_though_it_excuses_others() -> None:
    excuse = UntestedGrant("*Role", ("s3:*",), "Nothing is stored here.", "https://x")
    grants = [granted(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::docs/a/*")]
    found = judged(grants, decided("s3:GetObject", "arn:aws:s3:::docs/a/*"), unseen=[excuse])
    assert [each.grant.action for each in found.stale if each.grant] == ["s3:getobject"]
    assert not found.unused
    assert not found.passed


def test_an_excuse_should_be_stale_where_nothing_of_it_is_granted() -> None:
    found = judged([granted("dynamodb:GetItem")], decided("dynamodb:GetItem"), unseen=[TRACES])
    assert [(each.exception, each.grant) for each in found.stale] == [(TRACES, None)]
    assert not found.passed


def test_an_excuse_may_be_of_several_roles_and_of_no_others() -> None:
    excuse = UntestedGrant("ReadRole|Write*Role", ("s3:*",), "Nothing is stored here.", "https://x")
    roles = ("ReadRole", "WriteRole", "WriteAllRole", "ReadAllRole", "Read")
    excused = [excuse.covers(role, "s3:GetObject", "arn:aws:s3:::docs") for role in roles]
    assert excused == [True, True, True, False, False]


def test_what_depends_on_chance_should_be_excused_whether_it_occurs_or_not() -> None:
    excuse = dataclasses.replace(TRACES, occasional=True)
    grants = [granted("xray:PutTraceSegments", "*")]
    assert judged(grants, unseen=[excuse]).passed
    assert judged(grants, decided("xray:PutTraceSegments", "*"), unseen=[excuse]).passed
    gone = judged([granted("dynamodb:GetItem")], decided("dynamodb:GetItem"), unseen=[excuse])
    assert [(each.exception, each.grant) for each in gone.stale] == [(excuse, None)]


def test_a_use_should_not_be_taken_for_another_roles() -> None:
    other = DecisionRecord(f"{ROLE}2", "dynamodb:GetItem", TABLE, "identity:May", True)
    by_resource = decided("dynamodb:GetItem", sid="resource:May")
    assert judged([granted("dynamodb:GetItem")], other, by_resource).unused


def test_the_command_should_print_the_table_and_say_by_its_exit_code_whether_it_is_sound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert auditing.main([str(tmp_path)]) == 1
    folder = tmp_path / "cloud" / "iam"
    folder.mkdir(parents=True)
    ledger = Ledger(folder)
    ledger.replace_role_policies([granted("dynamodb:GetItem")])
    ledger.record([CallRecord(ROLE, "dynamodb", "GetItem")])
    ledger.flush()
    assert auditing.main([str(tmp_path)]) == 1
    assert "UNUSED   ReaderRole: dynamodb:getitem" in capsys.readouterr().out
    assert auditing.main([str(tmp_path), "--calls"]) == 0
    assert f"1  dynamodb:GetItem  {ROLE}" in capsys.readouterr().out
    assert find_ledgers([folder / LEDGER_FILE, tmp_path]) == [
        folder / LEDGER_FILE,
        folder / LEDGER_FILE,
    ]
    ledger.stop()


def test_every_finding_should_stand_in_the_table() -> None:
    refused = decided("dynamodb:PutItem", sid="", allowed=False)
    lines = render_table(judged([granted("dynamodb:*", "*")], refused, unseen=[TRACES]))
    for word in ("NEVER", "UNUSED", "DENIED", "TOO WIDE", "STALE"):
        assert any(word in line for line in lines), word


def test_calls_should_be_counted_over_all_ledgers() -> None:
    call = CallRecord(ROLE, "dynamodb", "GetItem")
    book = LedgerContent({call: 3}, {}, ())
    assert count_calls([book, book]) == {call: 6}
