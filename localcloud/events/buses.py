"""The operations on event buses and the tags of EventBridge resources.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateEventBus.html
"""

from __future__ import annotations

import re
from typing import Any

from localcloud.clock import utc
from localcloud.errors import AwsError, unsupported
from localcloud.events.errors import invalid, not_found
from localcloud.events.store import (
    DEFAULT_BUS,
    EventBusRecord,
    EventStore,
    bus_arn,
    bus_name,
    rule_arn,
)
from localcloud.pagination import InvalidToken, page
from localcloud.service import CloudContext, Params, Result

MAX_BUSES = 100
MAX_TAGS = 50
_UNSUPPORTED_MEMBERS = ("EventSourceName", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig")


class BusOperations:
    """Create, describe, list, tag and delete event buses."""

    def __init__(self, context: CloudContext, store: EventStore) -> None:
        """Operate on the buses in `store`."""
        self._context = context
        self._store = store

    def create_event_bus(self, params: Params) -> Result:
        """Create a bus."""
        name = params["Name"]
        _refuse_unsupported(params)
        if not re.fullmatch(r"[.\-_A-Za-z0-9]{1,256}", name):
            raise invalid(f"Event bus name {name} is not valid.")
        if len(self._store.buses()) >= MAX_BUSES:
            raise AwsError("LimitExceededException", f"An account has at most {MAX_BUSES} buses.")
        tags = tags_from_request(params)
        if not self._store.add_bus(name, params.get("Description")):
            raise AwsError("ResourceAlreadyExistsException", f"Event bus {name} already exists.")
        arn = bus_arn(self._context, name)
        self._store.set_tags(arn, tags)
        return {"EventBusArn": arn, **_description(params.get("Description"))}

    def update_event_bus(self, params: Params) -> Result:
        """Change the description of a bus."""
        _refuse_unsupported(params)
        bus = self._require_bus(params.get("Name"))
        self._store.set_bus_description(bus.name, params.get("Description"))
        arn = bus_arn(self._context, bus.name)
        return {"Arn": arn, "Name": bus.name, **_description(params.get("Description"))}

    def _require_bus(self, name_or_arn: str | None) -> EventBusRecord:
        name = bus_name(self._context, name_or_arn)
        bus = self._store.bus(name)
        if bus is None:
            raise not_found(f"Event bus {name} does not exist.")
        return bus

    def describe_event_bus(self, params: Params) -> Result:
        """Describe a bus; the bus `default` if the request names none."""
        return self._bus_description(self._require_bus(params.get("Name")))

    def _bus_description(self, bus: EventBusRecord) -> dict[str, Any]:
        return {
            "Name": bus.name,
            "Arn": bus_arn(self._context, bus.name),
            **_description(bus.description),
            "CreationTime": utc(bus.created_at),
            "LastModifiedTime": utc(bus.modified_at),
        }

    def list_event_buses(self, params: Params) -> Result:
        """List buses by name prefix."""
        prefix = params.get("NamePrefix", "")
        matching = [bus for bus in self._store.buses() if bus.name.startswith(prefix)]
        try:
            page_of_buses, token = page(
                matching, lambda bus: bus.name, params.get("Limit", 100), params.get("NextToken")
            )
        except InvalidToken as error:
            raise invalid(str(error)) from error
        descriptions = [self._bus_description(bus) for bus in page_of_buses]
        return {"EventBuses": descriptions, **({"NextToken": token} if token else {})}

    def delete_event_bus(self, params: Params) -> Result:
        """Delete a bus that has no rules; do nothing if the bus does not exist."""
        name = params["Name"]
        if name == DEFAULT_BUS:
            raise invalid("Cannot delete event bus default.")
        if self._store.rules(name):
            raise invalid(f"Cannot delete event bus {name} because it has rules.")
        self._store.remove_bus(name)
        self._store.set_tags(bus_arn(self._context, name), {})
        return {}

    def tag_resource(self, params: Params) -> Result:
        """Add or replace tags of a bus or rule."""
        arn = self._taggable_arn(params)
        tags = {**self._store.tags(arn), **tags_from_request(params)}
        if len(tags) > MAX_TAGS:
            raise AwsError("LimitExceededException", f"At most {MAX_TAGS} tags are allowed.")
        self._store.set_tags(arn, tags)
        return {}

    def untag_resource(self, params: Params) -> Result:
        """Remove tags from a bus or rule."""
        arn, removed_keys = self._taggable_arn(params), set(params["TagKeys"])
        tags = self._store.tags(arn)
        remaining = {key: tags[key] for key in tags if key not in removed_keys}
        self._store.set_tags(arn, remaining)
        return {}

    def list_tags_for_resource(self, params: Params) -> Result:
        """List the tags of a bus or rule."""
        tags = self._store.tags(self._taggable_arn(params))
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _taggable_arn(self, params: Params) -> str:
        arn = str(params["ResourceARN"])
        for bus in self._store.buses():
            if arn == bus_arn(self._context, bus.name):
                return arn
            for rule in self._store.rules(bus.name):
                if arn == rule_arn(self._context, rule):
                    return arn
        raise not_found(f"Resource {arn} does not exist.")


def tags_from_request(params: Params) -> dict[str, str]:
    """Return the tags of a request, or raise LimitExceededException for more than 50."""
    tags = {tag["Key"]: tag["Value"] for tag in params.get("Tags") or []}
    if len(tags) > MAX_TAGS:
        raise AwsError("LimitExceededException", f"At most {MAX_TAGS} tags are allowed.")
    return tags


def _description(text: str | None) -> dict[str, str]:
    return {} if text is None else {"Description": text}


def _refuse_unsupported(params: Params) -> None:
    for name in _UNSUPPORTED_MEMBERS:
        if name in params:
            raise unsupported("EventBridge", f"{name} of an event bus")
