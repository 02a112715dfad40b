"""Authentication and authorization of every call, in front of all services.

Decisions are cached until a policy changes, so that a call costs a look-up and a count.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from localcloud.clock import Clock
from localcloud.errors import unsupported
from localcloud.iam import access_errors, request_signature
from localcloud.iam.actions import required_permissions
from localcloud.iam.conditions import InvalidPolicy
from localcloud.iam.credentials import Credentials, CredentialStore
from localcloud.iam.ledger import CallRecord, DecisionRecord, Ledger, RolePolicy
from localcloud.iam.policy import (
    AccessDecision,
    AccessRequest,
    PolicyDocument,
    Principal,
    evaluate,
    parse_policy,
)
from localcloud.iam.request_signature import RequestSignature, SignatureError, SignedRequest
from localcloud.iam.resources import AccountResources, Params, RequiredPermission

RolePolicies = Callable[[str], "Sequence[tuple[str, str]]"]
"""Returns the policies of a role by its ARN, each as its name and its JSON."""

ResourcePolicy = Callable[[str], "str | None"]
"""Returns the JSON of a resource's policy by the resource's ARN, or None."""

_MAX_CACHED_DECISIONS = 20_000
_POLICY_OPERATIONS: Mapping[str, frozenset[str]] = {
    "sqs": frozenset({"CreateQueue", "SetQueueAttributes", "DeleteQueue"}),
    "lambda": frozenset({"AddPermission", "DeleteFunction", "RemovePermission"}),
    "s3": frozenset({"CreateBucket", "DeleteBucket", "PutBucketPolicy", "DeleteBucketPolicy"}),
    "sns": frozenset({"CreateTopic", "DeleteTopic", "SetTopicAttributes"}),
}
"""Operations that may change a resource-based policy. Every operation of IAM counts as one."""

_ADMINISTRATOR_ACCESS = parse_policy(
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
    """The caller of an operation.

    Attributes:
        name: the role's ARN, a service principal or `administrator`, for the ledger.
        arn: the ARN of the session, for messages.
        principals: the names by which resource-based policies can name the caller.
        role: the ARN of the role whose policies apply.
        administrator: whether every action is allowed.
    """

    name: str
    arn: str
    principals: tuple[Principal, ...] = ()
    role: str | None = None
    administrator: bool = False

    @classmethod
    def service(cls, principal: str) -> Caller:
        """Return an AWS service that calls as itself, such as `events.amazonaws.com`."""
        return cls(principal, principal, (("Service", principal),))


@dataclass(frozen=True, slots=True)
class AccountPolicies:
    """Access to the policies of an account's roles and, by service, of its resources."""

    resources: AccountResources
    role_policies: RolePolicies
    resource_policies: Mapping[str, ResourcePolicy] = field(default_factory=dict)


class AccessGuard:
    """Authorizes calls, or refuses them as AWS does, and records both. Thread-safe."""

    def __init__(
        self,
        account: AccountPolicies,
        callers: CredentialStore,
        ledger: Ledger,
        clock: Clock = time.time,
        *,
        is_enforcing: bool = True,
    ) -> None:
        """Decide by the policies of `account` for callers with a key in `callers`.

        Without `is_enforcing`, a denied call is recorded as denied, and made all the same.
        """
        self._is_enforcing = is_enforcing
        self._clock = clock
        self._account = account
        self._callers = callers
        self._ledger = ledger
        self._guard = threading.Lock()
        self._changes = 0
        self._decided: dict[object, AccessDecision] = {}

    def secret_for(self, access_key: str) -> str | None:
        """Return the secret of an access key, or None if the key does not exist."""
        credentials = self._callers.find(access_key)
        return credentials.secret if credentials else None

    def issue(self, role_arn: str, session: str) -> Credentials:
        """Return the credentials of a session of the role `role_arn`."""
        return self._callers.issue(role_arn, session)

    def authenticate(self, service: str, access_key: str, token: str | None) -> Caller:
        """Return the caller who signed a call. Raises AwsError for an unknown key or token."""
        credentials = self._callers.find(access_key)
        if credentials is None:
            raise access_errors.invalid_access_key(service, access_key)
        if credentials.role_arn and token != credentials.token:
            raise access_errors.invalid_session_token(service)
        return self.role_caller(credentials.role_arn, credentials.session)

    def verify(self, service: str, signature: RequestSignature, request: SignedRequest) -> None:
        """Raise AwsError unless the owner of the access key signed this request just now."""
        secret = self.secret_for(signature.access_key)
        if secret is None:
            raise access_errors.invalid_access_key(service, signature.access_key)
        try:
            request_signature.verify(request, signature, secret, self._clock())
        except SignatureError as error:
            raise access_errors.invalid_signature(service, str(error)) from error

    def role_caller(self, role_arn: str, session: str) -> Caller:
        """Return the caller of a role session; without a role, the administrator."""
        if not role_arn:
            return _administrator(self._account.resources.account_id)
        return _session(role_arn, session)

    def authorize_call(self, caller: Caller, service: str, operation: str, params: Params) -> None:
        """Record a call, and raise AwsError unless the caller may make it with these parameters."""
        permissions = required_permissions(service, operation, params, self._account.resources)
        self.authorize(caller, service, operation, permissions)

    def authorize(
        self,
        caller: Caller,
        service: str,
        operation: str,
        permissions: Iterable[RequiredPermission],
    ) -> None:
        """Record a call, and raise AwsError unless the caller has all `permissions`."""
        self._ledger.record([CallRecord(caller.name, service, operation)])
        self.check_permissions(caller, service, permissions)

    def check_permissions(
        self, caller: Caller, service: str, permissions: Iterable[RequiredPermission]
    ) -> None:
        """Record a decision on each permission; raise AwsError for the first that is denied.

        The local cloud raises nothing where it does not enforce them.
        """
        for permission in permissions:
            decision = self._decide(caller, service, permission)
            self._ledger.record([_decision_record(caller, permission, decision)])
            if not decision.allowed and self._is_enforcing:
                raise access_errors.access_denied(service, caller.arn, permission, decision)

    def invalidate_after(self, service: str, operation: str) -> None:
        """Drop the cached decisions if the completed `operation` may have changed a policy."""
        if service == "iam" or operation in _POLICY_OPERATIONS.get(service, ()):
            with self._guard:
                self._changes += 1
                self._decided.clear()

    def record_role_policies(self, roles: Mapping[str, str]) -> None:
        """Record the policies of the template's roles, given by logical id and ARN."""
        self._ledger.replace_role_policies(
            RolePolicy(arn, owner, name, document)
            for owner, arn in roles.items()
            for name, document in self._account.role_policies(arn)
        )

    def _decide(
        self, caller: Caller, service: str, permission: RequiredPermission
    ) -> AccessDecision:
        key = (caller, permission.action, permission.resource, tuple(permission.context.items()))
        with self._guard:
            version, cached = self._changes, self._decided.get(key)
        if cached is not None:
            return cached
        decision = self._evaluate(caller, service, permission)
        with self._guard:
            if version == self._changes:
                if len(self._decided) >= _MAX_CACHED_DECISIONS:
                    self._decided.clear()
                self._decided[key] = decision
        return decision

    def _evaluate(
        self, caller: Caller, service: str, permission: RequiredPermission
    ) -> AccessDecision:
        request = AccessRequest(
            permission.action,
            permission.resource,
            caller.principals,
            permission.context,
            self._account.resources.account_id,
        )
        try:
            return evaluate(
                request, self._caller_policies(caller), self._resource_policies(permission)
            )
        except InvalidPolicy as error:
            raise unsupported("IAM", f"a policy: {error}") from error

    def _caller_policies(self, caller: Caller) -> list[PolicyDocument]:
        if caller.administrator:
            return [_ADMINISTRATOR_ACCESS]
        if caller.role is None:
            return []
        return [
            _parse_cached(text, f"{name} of {caller.role}", of_resource=False)
            for name, text in self._account.role_policies(caller.role)
        ]

    def _resource_policies(self, permission: RequiredPermission) -> list[PolicyDocument]:
        service = permission.resource.split(":")[2] if permission.resource.count(":") >= 5 else ""
        policy_of = self._account.resource_policies.get(service)
        text = policy_of(permission.resource) if policy_of is not None else None
        return (
            [_parse_cached(text, f"the policy of {permission.resource}", of_resource=True)]
            if text
            else []
        )


@lru_cache(maxsize=1024)
def _parse_cached(text: str, where: str, *, of_resource: bool) -> PolicyDocument:
    return parse_policy(text, where, of_resource=of_resource)


@lru_cache(maxsize=64)
def _administrator(account: str) -> Caller:
    arn = f"arn:aws:iam::{account}:user/administrator"
    return Caller("administrator", arn, (("AWS", arn),), administrator=True)


@lru_cache(maxsize=1024)
def _session(role_arn: str, session: str) -> Caller:
    account, name = [*role_arn.split(":"), *[""] * 4][4], role_arn.rpartition("/")[2]
    arn = f"arn:aws:sts::{account}:assumed-role/{name}/{session}"
    return Caller(role_arn, arn, (("AWS", role_arn), ("AWS", arn)), role_arn)


def _decision_record(
    caller: Caller, permission: RequiredPermission, decision: AccessDecision
) -> DecisionRecord:
    """Return the ledger's record of a decision, with a pattern in place of the single resource."""
    match = decision.match
    resource = match.resource if match is not None else generalize_arn(permission.resource)
    statement = f"{decision.source}:{match.sid}" if match is not None else ""
    return DecisionRecord(caller.name, permission.action, resource, statement, decision.allowed)


def generalize_arn(resource: str) -> str:
    """Return an ARN with the name of an object, execution or index replaced by `*`.

    This keeps the ledger small.
    """
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
