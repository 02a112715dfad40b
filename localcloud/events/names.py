"""Names and ARNs of buses and rules, and the errors for what is not there."""

from __future__ import annotations

import re

from localcloud.errors import AwsError
from localcloud.events.store import Rule
from localcloud.service import CloudContext, Params

DEFAULT_BUS = "default"


def invalid(message: str) -> AwsError:
    """Return EventBridge's refusal of a request."""
    return AwsError("ValidationException", message)


def not_found(message: str) -> AwsError:
    """Return EventBridge's answer about something that is not there."""
    return AwsError("ResourceNotFoundException", message)


def bus_arn(context: CloudContext, bus: str) -> str:
    """Return the ARN of a bus."""
    return context.arn("events", f"event-bus/{bus}")


def rule_arn(context: CloudContext, rule: Rule) -> str:
    """Return the ARN of a rule; on the default bus it does not name the bus."""
    prefix = "" if rule.bus == DEFAULT_BUS else f"{rule.bus}/"
    return context.arn("events", f"rule/{prefix}{rule.name}")


def bus_name(context: CloudContext, given: str | None) -> str:
    """Return the bus name in `given`, a name or an ARN; a foreign ARN stays as it is."""
    if given is None:
        return DEFAULT_BUS
    found = re.fullmatch(r"arn:aws[\w-]*:events:([\w-]+):(\d{12}):event-bus/(.+)", given)
    if not found:
        return given
    ours = (found[1], found[2]) == (context.region, context.account_id)
    return found[3] if ours else given


def bus_of(context: CloudContext, params: Params) -> str:
    """Return the bus name of a request's EventBusName."""
    return bus_name(context, params.get("EventBusName"))
