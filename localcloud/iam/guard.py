"""The guard in front of every service: who calls, whether they may, and a note of it.

Decisions are remembered until a policy changes, so that a call costs a look-up and a count.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from localcloud.errors import unsupported
from localcloud.iam import refusals
from localcloud.iam.actions import needs_of
from localcloud.iam.callers import Callers, Credentials
from localcloud.iam.ledger import Call, Decided, Granted, Ledger
from localcloud.iam.needs import Need, Params, Place
from localcloud.iam.patterns import InvalidPolicy
from localcloud.iam.policy import Decision, Policy, Principal, Request, evaluate, parse

Policies = Callable[[str], "Sequence[tuple[str, str]]"]
"""Returns the policies of a role by its ARN, each with its name and its text."""

ResourcePolicy = Callable[[str], "str | None"]
"""Returns the policy of a resource by its ARN, or None."""

_REMEMBERED = 20_000
_CHANGES: Mapping[str, frozenset[str]] = {
    "sqs": frozenset({"CreateQueue", "SetQueueAttributes", "DeleteQueue"}),
    "lambda": frozenset({"AddPermission", "RemovePermission"}),
    "s3": frozenset({"CreateBucket", "DeleteBucket", "PutBucketPolicy", "DeleteBucketPolicy"}),
}
"""The operations after which a policy of a resource may be another; any change of IAM counts."""

_EVERYTHING = parse(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Sid": "AdministratorAccess",
            "Effect": "Allow",
            "Action": "*",
            "Resource": "*",
        },
    },
    "AdministratorAccess",
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a call: `name` for the ledger, `arn` for messages, `role` whose policies hold."""

    name: str
    arn: str
    principals: tuple[Principal, ...] = ()
    role: str | None = None
    administrator: bool = False

    @classmethod
    def service(cls, principal: str) -> Caller:
        """Return a service of AWS that calls another in its own name: `events.amazonaws.com`."""
        return cls(principal, principal, (("Service", principal),))


@dataclass(frozen=True, slots=True)
class Account:
    """Where the policies of an account's roles and resources are found."""

    place: Place
    role_policies: Policies
    resource_policies: Mapping[str, ResourcePolicy] = field(default_factory=dict)


class Guard:
    """Lets calls through, or refuses them as AWS does; safe from any thread."""

    def __init__(self, account: Account, callers: Callers, ledger: Ledger) -> None:
        """Decide by the policies of `account`, for those who hold a key among `callers`."""
        self._account = account
        self._callers = callers
        self._ledger = ledger
        self._guard = threading.Lock()
        self._changes = 0
        self._decided: dict[object, Decision] = {}

    def secret_of(self, access_key: str) -> str | None:
        """Return the secret of an access key, None where there is no such key."""
        found = self._callers.find(access_key)
        return found.secret if found else None

    def issue(self, role_arn: str, session: str) -> Credentials:
        """Return what something signs its calls with that runs as `role_arn`."""
        return self._callers.issue(role_arn, session)

    def caller_of(self, service: str, access_key: str, token: str | None) -> Caller:
        """Return who signed a call. Raises AwsError for a key or a token that is not known."""
        found = self._callers.find(access_key)
        if found is None:
            raise refusals.unknown_key(service, access_key)
        if found.role_arn and token != found.token:
            raise refusals.wrong_token(service)
        if not found.role_arn:
            return _administrator(self._account.place.account_id)
        return _session(found.role_arn, found.session)

    def in_role(self, role_arn: str, session: str) -> Caller:
        """Return who a service is that calls as `role_arn`; without one, the administrator."""
        if not role_arn:
            return _administrator(self._account.place.account_id)
        return _session(role_arn, session)

    def admit(self, caller: Caller, service: str, operation: str, params: Params) -> None:
        """Let a call to a JSON service in and count it, or raise AwsError."""
        needs = needs_of(service, operation, params, self._account.place)
        self.admit_needs(caller, service, operation, needs)

    def admit_needs(
        self, caller: Caller, service: str, operation: str, needs: Iterable[Need]
    ) -> None:
        """Let a call in that needs `needs`, and count it, or raise AwsError."""
        self._ledger.count([Call(caller.name, service, operation)])
        self.permit(caller, service, needs)

    def permit(self, caller: Caller, service: str, needs: Iterable[Need]) -> None:
        """Raise AwsError for the first of `needs` that nothing allows or something denies."""
        for need in needs:
            decision = self._decide(caller, service, need)
            self._ledger.count([_entry(caller, need, decision)])
            if not decision.allowed:
                raise refusals.denied(service, caller.arn, need, decision)

    def changed(self, service: str, operation: str) -> None:
        """Forget what was decided if `operation`, now done, may have changed a policy."""
        if service == "iam" or operation in _CHANGES.get(service, ()):
            with self._guard:
                self._changes += 1
                self._decided.clear()

    def keep_grants(self, roles: Mapping[str, str]) -> None:
        """Note what the roles of the template are granted: logical id to ARN."""
        self._ledger.keep_grants(
            Granted(arn, owner, name, document)
            for owner, arn in roles.items()
            for name, document in self._account.role_policies(arn)
        )

    def _decide(self, caller: Caller, service: str, need: Need) -> Decision:
        key = (caller, need.action, need.resource, tuple(need.context.items()))
        with self._guard:
            version, known = self._changes, self._decided.get(key)
        if known is not None:
            return known
        decision = self._evaluated(caller, service, need)
        with self._guard:
            if version == self._changes:
                if len(self._decided) >= _REMEMBERED:
                    self._decided.clear()
                self._decided[key] = decision
        return decision

    def _evaluated(self, caller: Caller, service: str, need: Need) -> Decision:
        request = Request(
            need.action,
            need.resource,
            caller.principals,
            need.context,
            self._account.place.account_id,
        )
        try:
            return evaluate(request, self._of_caller(caller), self._of_resource(need))
        except InvalidPolicy as error:
            raise unsupported("IAM", f"a policy: {error}") from error

    def _of_caller(self, caller: Caller) -> list[Policy]:
        if caller.administrator:
            return [_EVERYTHING]
        if caller.role is None:
            return []
        return [
            _parsed(text, f"{name} of {caller.role}", of_resource=False)
            for name, text in self._account.role_policies(caller.role)
        ]

    def _of_resource(self, need: Need) -> list[Policy]:
        service = need.resource.split(":")[2] if need.resource.count(":") >= 5 else ""
        policy_of = self._account.resource_policies.get(service)
        text = policy_of(need.resource) if policy_of is not None else None
        return [_parsed(text, f"the policy of {need.resource}", of_resource=True)] if text else []


@lru_cache(maxsize=1024)
def _parsed(text: str, where: str, *, of_resource: bool) -> Policy:
    return parse(text, where, of_resource=of_resource)


@lru_cache(maxsize=64)
def _administrator(account: str) -> Caller:
    arn = f"arn:aws:iam::{account}:user/administrator"
    return Caller("administrator", arn, (("AWS", arn),), administrator=True)


@lru_cache(maxsize=1024)
def _session(role_arn: str, session: str) -> Caller:
    account, name = [*role_arn.split(":"), *[""] * 4][4], role_arn.rpartition("/")[2]
    arn = f"arn:aws:sts::{account}:assumed-role/{name}/{session}"
    return Caller(role_arn, arn, (("AWS", role_arn), ("AWS", arn)), role_arn)


def _entry(caller: Caller, need: Need, decision: Decision) -> Decided:
    """Return what the ledger keeps: by whom it was decided, not each object by its name."""
    match = decision.match
    resource = match.resource if match is not None else kind_of(need.resource)
    statement = f"{decision.source}:{match.sid}" if match is not None else ""
    return Decided(caller.name, need.action, resource, statement, decision.allowed)


def kind_of(resource: str) -> str:
    """Return an ARN with what names one thing of many left out, so that a ledger stays small."""
    parts = resource.split(":", 5)
    if len(parts) < 6:
        return resource
    service, name = parts[2], parts[5]
    if service == "s3" and "/" in name:
        folders = name.split("/", 2)
        name = "/".join([*folders[:2], "*"]) if len(folders) == 3 else f"{folders[0]}/*"
    elif service == "states" and name.count(":") >= 2:
        name = f"{name.rpartition(':')[0]}:*"
    elif service == "s3vectors" and "/index/" in name:
        name = f"{name.partition('/index/')[0]}/index/*"
    return ":".join([*parts[:5], name])
