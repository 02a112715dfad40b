"""The guard: who is let through, what it says to others, and what it notes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.errors import AwsError
from localcloud.iam.credentials import CredentialStore
from localcloud.iam.guard import AccessGuard, AccountPolicies, Caller, generalize_arn
from localcloud.iam.ledger import LEDGER_FILE, Ledger, LedgerContent, read_ledger
from localcloud.iam.resources import AccountResources, RequiredPermission

ROLE = "arn:aws:iam::000000000000:role/reader"
USER = "arn:aws:sts::000000000000:assumed-role/reader/embed"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:inbox"
READ = RequiredPermission("dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:000000000000:table/t")


class World:
    """A guard on policies that a test may change, and the ledger that it writes."""

    def __init__(self, folder: Path, *, is_enforcing: bool = True) -> None:
        self.folder = folder
        self.role: dict[str, Any] = {}
        self.queue: dict[str, Any] | None = None
        self.asked = 0
        self.callers = CredentialStore(folder)
        self.ledger = Ledger(folder)
        account = AccountPolicies(
            AccountResources("us-east-1", "000000000000"),
            self._role_policies,
            {"sqs": lambda arn: json.dumps(self.queue) if self.queue else None},
        )
        self.guard = AccessGuard(account, self.callers, self.ledger, is_enforcing=is_enforcing)
        self.key = self.callers.issue(ROLE, "embed")
        self.caller = self.guard.authenticate("dynamodb", self.key.access_key, self.key.token)

    def _role_policies(self, arn: str) -> list[tuple[str, str]]:
        self.asked += 1
        document = json.dumps({"Version": "2012-10-17", "Statement": self.role})
        return [("inline", document)] if arn == ROLE else []

    def allow(self, action: str, resource: str = "*") -> None:
        self.role = {"Sid": "May", "Effect": "Allow", "Action": action, "Resource": resource}

    def refused(self, caller: Caller, service: str, need: RequiredPermission) -> AwsError:
        with pytest.raises(AwsError) as caught:
            self.guard.authorize(caller, service, "Operation", [need])
        return caught.value

    def book(self) -> LedgerContent:
        self.ledger.flush()
        return read_ledger(self.folder / LEDGER_FILE)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.allow("dynamodb:GetItem")
    yield made
    made.ledger.stop()
    made.callers.close()


def test_a_role_should_do_what_it_may_and_be_told_what_it_may_not(world: World) -> None:
    world.guard.authorize(world.caller, "dynamodb", "GetItem", [READ])
    need = RequiredPermission("dynamodb:PutItem", READ.resource)
    refusal = world.refused(world.caller, "dynamodb", need)
    assert (refusal.code, refusal.status) == ("AccessDeniedException", 400)
    assert refusal.message == (
        f"User: {USER} is not authorized to perform: dynamodb:PutItem on resource: {READ.resource} "
        "because no identity-based policy allows the dynamodb:PutItem action (The local cloud "
        "checks roles as AWS does; `headrace up --iam off` does not.)"
    )


def test_a_switch_should_let_every_call_through_and_keep_the_decision(tmp_path: Path) -> None:
    lenient = World(tmp_path, is_enforcing=False)
    lenient.allow("dynamodb:GetItem")
    need = RequiredPermission("dynamodb:PutItem", READ.resource)
    lenient.guard.authorize(lenient.caller, "dynamodb", "PutItem", [need])
    [decision] = lenient.book().decisions
    assert (decision.action, decision.allowed) == ("dynamodb:PutItem", False)
    lenient.ledger.stop()
    lenient.callers.close()


@pytest.mark.parametrize(
    ("service", "action", "code", "status", "words"),
    [
        ("sqs", "sqs:SendMessage", "AccessDenied", 403, "sqs:sendmessage on resource: arn"),
        ("s3", "s3:GetObject", "AccessDenied", 403, 's3:GetObject on resource: "arn'),
        ("lambda", "lambda:InvokeFunction", "AccessDeniedException", 403, "lambda:InvokeFunction"),
        ("stepfunctions", "states:StartExecution", "AccessDeniedException", 400, "states:"),
        ("sns", "sns:Publish", "AuthorizationError", 403, "sns:Publish"),
    ],
)
def test_each_service_should_refuse_in_its_own_words(
    world: World, service: str, action: str, code: str, status: int, words: str
) -> None:
    refusal = world.refused(world.caller, service, RequiredPermission(action, QUEUE))
    assert (refusal.code, refusal.status) == (code, status)
    assert words in refusal.message


def test_a_denial_should_say_whose_policy_it_is(world: World) -> None:
    world.role = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    why = "with an explicit deny in an identity-based policy"
    assert f"{why} (The local cloud" in world.refused(world.caller, "dynamodb", READ).message
    world.queue = {
        "Statement": {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": QUEUE}
    }
    administrator = world.guard.role_caller("", "")
    refusal = world.refused(administrator, "sqs", RequiredPermission("sqs:SendMessage", QUEUE))
    assert refusal.message.endswith("with an explicit deny in a resource-based policy")


def test_a_service_should_need_the_resource_to_let_it_in(world: World) -> None:
    events = Caller.service("events.amazonaws.com")
    need = RequiredPermission(
        "sqs:SendMessage", QUEUE, {"aws:sourcearn": ("arn:aws:events:r:1:rule/a",)}
    )
    assert "no resource-based policy" in world.refused(events, "sqs", need).message
    world.queue = {
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": QUEUE,
            "Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:events:r:1:rule/a"}},
        }
    }
    world.guard.invalidate_after("sqs", "SetQueueAttributes")
    world.guard.authorize(events, "sqs", "SendMessage", [need])
    other = RequiredPermission(
        need.action, need.resource, {"aws:sourcearn": ("arn:aws:events:r:1:rule/b",)}
    )
    world.refused(events, "sqs", other)


def test_a_decision_should_be_remembered_until_a_policy_changes(world: World) -> None:
    for _ in range(5):
        world.guard.authorize(world.caller, "dynamodb", "GetItem", [READ])
    assert world.asked == 1
    world.allow("dynamodb:PutItem")
    world.guard.invalidate_after("dynamodb", "PutItem")
    world.guard.authorize(world.caller, "dynamodb", "GetItem", [READ])
    world.guard.invalidate_after("iam", "PutRolePolicy")
    world.refused(world.caller, "dynamodb", READ)
    assert world.asked == 2


def test_a_key_and_its_token_should_belong_together(world: World) -> None:
    other = world.callers.issue(ROLE, "other")
    for access_key, token in (
        ("AKIANOBODY", None),
        (world.key.access_key, None),
        (world.key.access_key, other.token),
    ):
        with pytest.raises(AwsError) as caught:
            world.guard.authenticate("dynamodb", access_key, token)
        assert (caught.value.code, caught.value.status) == ("UnrecognizedClientException", 403)
    with pytest.raises(AwsError) as caught:
        world.guard.authenticate("s3", "AKIANOBODY", None)
    assert caught.value.code == "InvalidAccessKeyId"


@pytest.mark.parametrize("access_key", ["test", "local"])
def test_who_works_at_the_machine_should_be_the_administrator(
    world: World, access_key: str
) -> None:
    caller = world.guard.authenticate("dynamodb", access_key, None)
    world.guard.authorize(caller, "dynamodb", "DeleteTable", [READ])
    assert world.guard.secret_for(access_key) == access_key


def test_a_role_that_there_is_not_should_do_nothing(world: World) -> None:
    nobody = world.guard.role_caller(f"{ROLE}-gone", "x")
    world.refused(nobody, "dynamodb", READ)


def test_a_policy_that_cannot_be_evaluated_should_be_said_and_not_skipped(world: World) -> None:
    world.role["Condition"] = {"DateLessThan": {"aws:SourceArn": "x"}}
    refusal = world.refused(world.caller, "dynamodb", READ)
    assert (refusal.code, refusal.status) == ("UnsupportedOperation", 501)
    assert "DateLessThan" in refusal.message


def test_the_ledger_should_tell_calls_by_caller_and_the_statement_that_decided(
    world: World,
) -> None:
    for _ in range(3):
        world.guard.authorize(world.caller, "dynamodb", "GetItem", [READ])
    world.refused(
        world.caller, "s3", RequiredPermission("s3:GetObject", "arn:aws:s3:::docs/inbox/t/c/a.txt")
    )
    book = world.book()
    calls = {(call.caller, call.operation): count for call, count in book.calls.items()}
    assert calls == {(ROLE, "GetItem"): 3, (ROLE, "Operation"): 1}
    told = {
        (each.action, each.resource, each.statement, each.allowed): count
        for each, count in book.decisions.items()
    }
    assert told == {
        ("dynamodb:GetItem", "*", "identity:May", True): 3,
        ("s3:GetObject", "arn:aws:s3:::docs/inbox/*", "", False): 1,
    }


@pytest.mark.parametrize(
    ("resource", "kind"),
    [
        ("arn:aws:s3:::docs/inbox/a/b", "arn:aws:s3:::docs/inbox/*"),
        ("arn:aws:s3:::docs/a", "arn:aws:s3:::docs/*"),
        ("arn:aws:s3:::docs", "arn:aws:s3:::docs"),
        ("arn:aws:states:r:1:execution:m:e", "arn:aws:states:r:1:execution:m:*"),
        ("arn:aws:states:r:1:stateMachine:m", "arn:aws:states:r:1:stateMachine:m"),
        ("arn:aws:s3vectors:r:1:bucket/b/index/i", "arn:aws:s3vectors:r:1:bucket/b/index/*"),
        ("*", "*"),
    ],
)
def test_a_ledger_should_not_grow_with_what_is_stored(resource: str, kind: str) -> None:
    assert generalize_arn(resource) == kind
