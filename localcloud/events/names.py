"""Names and ARNs of buses and rules, and the errors for what is not there."""

from __future__ import annotations

import re

from localcloud.errors import AwsError
from localcloud.events.store import Rule
from localcloud.service import Params, Surroundings

DEFAULT_BUS = "default"


def invalid(message: str) -> AwsError:
    """Return EventBridge's refusal of a request."""
    return AwsError("ValidationException", message)


def not_found(message: str) -> AwsError:
    """Return EventBridge's answer about something that is not there."""
    return AwsError("ResourceNotFoundException", message)


def bus_arn(surroundings: Surroundings, bus: str) -> str:
    """Return the ARN of a bus."""
    return surroundings.arn("events", f"event-bus/{bus}")


def rule_arn(surroundings: Surroundings, rule: Rule) -> str:
    """Return the ARN of a rule; on the default bus it does not name the bus."""
    prefix = "" if rule.bus == DEFAULT_BUS else f"{rule.bus}/"
    return surroundings.arn("events", f"rule/{prefix}{rule.name}")


def bus_name(surroundings: Surroundings, given: str | None) -> str:
    """Return the bus name in `given`, a name or an ARN; a foreign ARN stays as it is."""
    if given is None:
        return DEFAULT_BUS
    found = re.fullmatch(r"arn:aws[\w-]*:events:([\w-]+):(\d{12}):event-bus/(.+)", given)
    if not found:
        return given
    ours = (found[1], found[2]) == (surroundings.region, surroundings.account_id)
    return found[3] if ours else given


def bus_of(surroundings: Surroundings, params: Params) -> str:
    """Return the bus name of a request's EventBusName."""
    return bus_name(surroundings, params.get("EventBusName"))
