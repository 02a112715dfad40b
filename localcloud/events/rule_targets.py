"""The operations on the targets of rules, and the checks of a target.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

from localcloud.errors import AwsError, unsupported
from localcloud.events.errors import invalid
from localcloud.events.rules import LIMIT_EXCEEDED_MESSAGE, RuleOperations
from localcloud.events.store import EventStore, TargetDefinition, requested_bus
from localcloud.events.target_input import InvalidTargetInput, check_target_input
from localcloud.pagination import InvalidToken, page
from localcloud.service import CloudContext, Params, Result

MAX_TARGETS = 5
MAX_TARGETS_PER_REQUEST = 10
_COMMON_MEMBERS = frozenset({"Id", "Arn", "RoleArn", "DeadLetterConfig", "RetryPolicy"})
_INPUT_MEMBERS = frozenset({"Input", "InputPath", "InputTransformer"})
_ARN = re.compile(r"arn:aws[\w-]*:([\w-]+):[\w-]*:\d{12}:(.+)")
_RESOURCE_PATTERNS = {
    "lambda": r"function:[\w:$-]+",
    "sqs": r"[\w.-]+",
    "states": r"stateMachine:[\w:.-]+",
    "events": r"event-bus/.+",
}


def target_service(arn: str) -> str:
    """Return the service of a target ARN, or raise ValidationException."""
    parts = _ARN.fullmatch(arn)
    if not parts:
        raise invalid(
            f"Parameter {arn} is not valid. Reason: Provided Arn is not in correct format."
        )
    return parts[1]


def check_target_arn(arn: str, service: str, target_services: Collection[str], caller: str) -> None:
    """Raise unless `arn`, of `service`, names a resource that can be a target.

    `target_services` are the services that can be targets; `caller` is the service that the
    error message names.
    """
    if service not in target_services or service not in _RESOURCE_PATTERNS:
        raise unsupported(caller, f"targets of {service}")
    resource = arn.split(":", 5)[5]
    if not re.fullmatch(_RESOURCE_PATTERNS[service], resource):
        raise unsupported(caller, f"the target {arn}")


def check_dead_letter_queue(arn: str | None) -> None:
    """Raise unless `arn` is None or the ARN of a standard SQS queue."""
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
        target_services: Collection[str],
        on_change: Callable[[], None],
    ) -> None:
        """Operate on the targets in `store`; targets can be of `target_services` only."""
        self._context = context
        self._store = store
        self._rules = rules
        self._target_services = target_services
        self._on_change = on_change

    def put_targets(self, params: Params) -> Result:
        """Add targets to a rule, replacing those with the same id; either all or none."""
        rule = self._rules.require_rule(requested_bus(self._context, params), params["Rule"])
        targets = params["Targets"]
        if not 1 <= len(targets) <= MAX_TARGETS_PER_REQUEST:
            raise invalid(f"A request takes 1 to {MAX_TARGETS_PER_REQUEST} targets.")
        for target in targets:
            self._check_target(target)
        ids = {target["Id"] for target in [*self._store.targets(rule), *targets]}
        if len(ids) > MAX_TARGETS:
            raise AwsError("LimitExceededException", LIMIT_EXCEEDED_MESSAGE)
        self._store.put_targets(rule, targets)
        self._on_change()
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def _check_target(self, target: TargetDefinition) -> None:
        arn = str(target["Arn"])
        service = target_service(arn)
        check_target_arn(arn, service, self._target_services, "EventBridge")
        _check_members(target, service)
        if service == "states" and not target.get("RoleArn"):
            raise invalid(f"RoleArn is required for target {arn}.")
        fifo = service == "sqs" and arn.endswith(".fifo")
        if fifo and not (target.get("SqsParameters") or {}).get("MessageGroupId"):
            raise invalid(
                f"Parameter(s) SqsParameters must be specified for target: {target['Id']}."
            )
        check_dead_letter_queue((target.get("DeadLetterConfig") or {}).get("Arn"))
        try:
            check_target_input(target)
        except InvalidTargetInput as error:
            raise invalid(f"Invalid input for target {target['Id']} : {error}.") from error

    def list_targets_by_rule(self, params: Params) -> Result:
        """List the targets of a rule."""
        rule = self._rules.require_rule(requested_bus(self._context, params), params["Rule"])
        try:
            targets, token = page(
                self._store.targets(rule),
                lambda target: str(target["Id"]),
                params.get("Limit", 100),
                params.get("NextToken"),
            )
        except InvalidToken as error:
            raise invalid(str(error)) from error
        return {"Targets": targets, **({"NextToken": token} if token else {})}

    def remove_targets(self, params: Params) -> Result:
        """Remove targets from a rule; an unknown id becomes a failed entry."""
        rule = self._rules.require_rule(requested_bus(self._context, params), params["Rule"])
        failed: list[dict[str, Any]] = [
            {
                "TargetId": target_id,
                "ErrorCode": "ResourceNotFoundException",
                "ErrorMessage": f"Rule {rule.name} does not have a target with the Id {target_id}.",
            }
            for target_id in params["Ids"]
            if not self._store.remove_target(rule, target_id)
        ]
        self._on_change()
        return {"FailedEntryCount": len(failed), "FailedEntries": failed}


def _check_members(target: TargetDefinition, service: str) -> None:
    allowed = _COMMON_MEMBERS | (frozenset() if service == "events" else _INPUT_MEMBERS)
    if service == "sqs":
        allowed |= {"SqsParameters"}
    unknown = sorted(set(target) - allowed)
    if unknown:
        raise unsupported("EventBridge", f"{', '.join(unknown)} of a {service} target")
