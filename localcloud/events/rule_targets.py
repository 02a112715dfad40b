"""The operations on the targets of rules, and what a target may be.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

from localcloud.errors import AwsError, unsupported
from localcloud.events import names
from localcloud.events.names import invalid
from localcloud.events.rules import EXCEEDED, RuleOperations
from localcloud.events.store import EventStore, Target
from localcloud.events.transform import InvalidTransform, check_target_input
from localcloud.paging import InvalidToken, page
from localcloud.service import CloudContext, Params, Result

MAX_TARGETS = 5
MAX_REQUEST = 10
_COMMON = frozenset({"Id", "Arn", "RoleArn", "DeadLetterConfig", "RetryPolicy"})
_INPUTS = frozenset({"Input", "InputPath", "InputTransformer"})
_ARN = re.compile(r"arn:aws[\w-]*:([\w-]+):[\w-]*:\d{12}:(.+)")
_RESOURCES = {
    "lambda": r"function:[\w:$-]+",
    "sqs": r"[\w.-]+",
    "states": r"stateMachine:[\w:.-]+",
    "events": r"event-bus/.+",
}


def service_in(arn: str) -> str:
    """Return the service of a target ARN, or raise ValidationException."""
    found = _ARN.fullmatch(arn)
    if not found:
        raise invalid(
            f"Parameter {arn} is not valid. Reason: Provided Arn is not in correct format."
        )
    return found[1]


def check_resource(arn: str, service: str, kinds: Collection[str], of: str) -> None:
    """Raise unless `arn` is of one of `kinds` and names a resource that can be a target."""
    if service not in kinds or service not in _RESOURCES:
        raise unsupported(of, f"targets of {service}")
    resource = arn.split(":", 5)[5]
    if not re.fullmatch(_RESOURCES[service], resource):
        raise unsupported(of, f"the target {arn}")


def check_dead_letter(arn: str | None) -> None:
    """Raise unless `arn` is None or a standard SQS queue's."""
    if arn is not None and not re.fullmatch(r"arn:aws[\w-]*:sqs:[\w-]+:\d{12}:[\w-]+", arn):
        raise invalid(
            f"Parameter DeadLetterConfig is not valid. Reason: {arn} is no standard queue."
        )


class TargetOperations:
    """Put, list and remove the targets of a rule."""

    def __init__(
        self,
        context: CloudContext,
        store: EventStore,
        rules: RuleOperations,
        kinds: Collection[str],
        changed: Callable[[], None],
    ) -> None:
        """Operate on the targets in `store`; `kinds` are the services that can be targets."""
        self._context = context
        self._store = store
        self._rules = rules
        self._kinds = kinds
        self._changed = changed

    def put_targets(self, params: Params) -> Result:
        """Add targets to a rule, replacing those with the same id; all or none."""
        rule = self._rules.existing(names.bus_of(self._context, params), params["Rule"])
        targets = params["Targets"]
        if not 1 <= len(targets) <= MAX_REQUEST:
            raise invalid(f"A request takes 1 to {MAX_REQUEST} targets.")
        for target in targets:
            self._check(target)
        ids = {target["Id"] for target in [*self._store.targets(rule), *targets]}
        if len(ids) > MAX_TARGETS:
            raise AwsError("LimitExceededException", EXCEEDED)
        self._store.put_targets(rule, targets)
        self._changed()
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def _check(self, target: Target) -> None:
        arn = str(target["Arn"])
        service = service_in(arn)
        check_resource(arn, service, self._kinds, "EventBridge")
        _check_members(target, service)
        if service == "states" and not target.get("RoleArn"):
            raise invalid(f"RoleArn is required for target {arn}.")
        fifo = service == "sqs" and arn.endswith(".fifo")
        if fifo and not (target.get("SqsParameters") or {}).get("MessageGroupId"):
            raise invalid(
                f"Parameter(s) SqsParameters must be specified for target: {target['Id']}."
            )
        check_dead_letter((target.get("DeadLetterConfig") or {}).get("Arn"))
        try:
            check_target_input(target)
        except InvalidTransform as error:
            raise invalid(f"Invalid input for target {target['Id']} : {error}.") from error

    def list_targets_by_rule(self, params: Params) -> Result:
        """List the targets of a rule."""
        rule = self._rules.existing(names.bus_of(self._context, params), params["Rule"])
        try:
            chosen, token = page(
                self._store.targets(rule),
                lambda target: str(target["Id"]),
                params.get("Limit", 100),
                params.get("NextToken"),
            )
        except InvalidToken as error:
            raise invalid(str(error)) from error
        return {"Targets": chosen, **({"NextToken": token} if token else {})}

    def remove_targets(self, params: Params) -> Result:
        """Take targets away from a rule; an unknown id is a failed entry."""
        rule = self._rules.existing(names.bus_of(self._context, params), params["Rule"])
        failed: list[dict[str, Any]] = [
            {
                "TargetId": target_id,
                "ErrorCode": "ResourceNotFoundException",
                "ErrorMessage": f"Rule {rule.name} does not have a target with the Id {target_id}.",
            }
            for target_id in params["Ids"]
            if not self._store.remove_target(rule, target_id)
        ]
        self._changed()
        return {"FailedEntryCount": len(failed), "FailedEntries": failed}


def _check_members(target: Target, service: str) -> None:
    allowed = _COMMON | (frozenset() if service == "events" else _INPUTS)
    if service == "sqs":
        allowed |= {"SqsParameters"}
    unknown = sorted(set(target) - allowed)
    if unknown:
        raise unsupported("EventBridge", f"{', '.join(unknown)} of a {service} target")
