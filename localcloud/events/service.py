"""The EventBridge service: one attribute for each API operation."""

from __future__ import annotations

import time
import uuid
from collections import ChainMap
from collections.abc import Iterable, Mapping
from typing import Any

from localcloud.clock import Clock, iso
from localcloud.errors import AwsError, unsupported
from localcloud.events import put_events
from localcloud.events.buses import BusOperations
from localcloud.events.delivery_queue import Deliverers, DeliveryQueue, TargetDelivery
from localcloud.events.due_timer import DueTimer
from localcloud.events.errors import invalid, not_found
from localcloud.events.routing import Event, EventRouter
from localcloud.events.rule_targets import TargetOperations
from localcloud.events.rules import RuleOperations, next_fire_time
from localcloud.events.store import (
    DEFAULT_BUS,
    EventRule,
    EventStore,
    bus_name,
    open_database,
    requested_bus,
    rule_arn,
)
from localcloud.service import CloudContext, Params, Result


class EventsService:
    """EventBridge, botocore service `events`, on one SQLite file."""

    name = "events"

    def __init__(
        self, context: CloudContext, targets: Deliverers, clock: Clock = time.time
    ) -> None:
        """Open the database of buses and rules in the data folder.

        Events are delivered by `targets`, which may be filled until `start`. Another bus of this
        account is always a target, whether `targets` has `events` or not.
        """
        self._context = context
        self._clock = clock
        self._database = open_database(context.folder("events"))
        self._store = EventStore(self._database, clock)
        own_buses: Deliverers = {"events": self.deliver}
        deliverers: Deliverers = ChainMap(targets, own_buses)  # type: ignore[arg-type]
        self._router = EventRouter(context, self._store, clock)
        self._deliveries = DeliveryQueue(self._database, deliverers, clock, "events-delivery")
        self._timer = DueTimer("events-schedules", clock, self._store.next_fire_at, self.fire_due)
        buses = BusOperations(context, self._store)
        rules = RuleOperations(context, self._store, clock, self._rules_changed)
        target_operations = TargetOperations(
            context, self._store, rules, deliverers, self._rules_changed
        )

        self.create_event_bus = buses.create_event_bus
        self.update_event_bus = buses.update_event_bus
        self.describe_event_bus = buses.describe_event_bus
        self.list_event_buses = buses.list_event_buses
        self.delete_event_bus = buses.delete_event_bus
        self.tag_resource = buses.tag_resource
        self.untag_resource = buses.untag_resource
        self.list_tags_for_resource = buses.list_tags_for_resource

        self.put_rule = rules.put_rule
        self.enable_rule = rules.enable_rule
        self.disable_rule = rules.disable_rule
        self.describe_rule = rules.describe_rule
        self.list_rules = rules.list_rules
        self.list_rule_names_by_target = rules.list_rule_names_by_target
        self.delete_rule = rules.delete_rule
        self.test_event_pattern = rules.test_event_pattern

        self.put_targets = target_operations.put_targets
        self.list_targets_by_rule = target_operations.list_targets_by_rule
        self.remove_targets = target_operations.remove_targets

    def start(self) -> None:
        """Continue the deliveries of an earlier run, and begin to fire scheduled rules.

        A schedule that was due while the cloud was down fires once, immediately.
        """
        self._deliveries.start()
        self._timer.start()

    def stop(self) -> None:
        """End the threads; undelivered events are delivered after the next start."""
        self._timer.stop()
        self._deliveries.stop()
        self._database.close()

    def wake(self) -> None:
        """Wake the threads after the clock was moved, as tests do."""
        self._timer.wake()
        self._deliveries.wake()

    def pending_deliveries(self) -> int:
        """Return the number of deliveries that are neither made nor dead-lettered."""
        return self._deliveries.pending()

    def _rules_changed(self) -> None:
        self._router.clear_cache()
        self._timer.wake()

    def put_events(self, params: Params) -> Result:
        """Accept events, each on its own; accepted events are durable when this returns.

        As on AWS, an entry for a bus that does not exist gets an event id and is not delivered.
        """
        if params.get("EndpointId"):
            raise unsupported("EventBridge", "global endpoints")
        entries = params["Entries"]
        put_events.check_request(entries)
        results: list[dict[str, str]] = []
        deliveries: list[TargetDelivery] = []
        for entry in entries:
            bus = requested_bus(self._context, entry)
            try:
                event = put_events.event_from_entry(self._context, self._clock, entry)
            except AwsError as error:
                results.append({"ErrorCode": error.code, "ErrorMessage": error.message})
                continue
            deliveries.extend(self._router.deliveries(bus, event))
            results.append({"EventId": event["id"]})
        self._store_deliveries(deliveries)
        failed = sum("ErrorCode" in result for result in results)
        return {"FailedEntryCount": failed, "Entries": results}

    def _store_deliveries(self, deliveries: Iterable[TargetDelivery]) -> None:
        with self._database.transaction() as connection:
            ids = self._deliveries.add(connection, deliveries)
        self._deliveries.announce(ids)

    def publish(self, event: Event) -> None:
        """Put an event of an AWS service on the default bus; durable when this returns.

        `event` has `source`, `detail-type` and `detail`, and may have `resources`, `time`
        (ISO 8601) and `id`. Any source is allowed, also `aws.…`.
        """
        self._route(DEFAULT_BUS, put_events.new_event(self._context, self._clock, event))

    def _route(self, bus: str, event: Event) -> None:
        deliveries = self._router.deliveries(bus, event)
        if deliveries:
            self._store_deliveries(deliveries)

    def deliver(self, target_arn: str, payload: object, definition: Mapping[str, Any]) -> None:
        """Put an event on the bus `target_arn`, as the target of a rule or a schedule.

        With `EventBridgeParameters` in `definition` (DetailType, Source), `payload` is the
        detail of a new event; without, it is the event itself.
        """
        bus = bus_name(self._context, target_arn)
        if self._store.bus(bus) is None:
            raise not_found(f"Event bus {bus} does not exist.")
        if not isinstance(payload, dict):
            raise invalid("An event bus takes JSON objects only.")
        parameters = definition.get("EventBridgeParameters")
        if parameters is None:
            self._route(bus, payload)
            return
        fields = {
            "source": parameters["Source"],
            "detail-type": parameters["DetailType"],
            "detail": payload,
            "id": definition.get("DeduplicationId"),
        }
        self._route(bus, put_events.new_event(self._context, self._clock, fields))

    def fire_due(self) -> None:
        """Fire every rule whose schedule is due; each firing is durable before the next."""
        for rule in self._store.due_rules(self._clock()):
            self._fire(rule)

    def _fire(self, rule: EventRule) -> None:
        now = self._clock()
        event = put_events.new_event(
            self._context,
            self._clock,
            {
                "id": str(uuid.uuid4()),
                "source": "aws.events",
                "detail-type": "Scheduled Event",
                "time": iso(rule.next_fire_at or now),
                "resources": [rule_arn(self._context, rule)],
                "detail": {},
            },
        )
        deliveries = self._router.rule_deliveries(rule, self._store.targets(rule), event)
        next_fire_at = next_fire_time(str(rule.schedule), now, rule.anchor_at)
        with self._database.transaction() as connection:
            claimed = connection.execute(
                "UPDATE rules SET next_fire_at = ? WHERE id = ? AND next_fire_at = ?",
                (next_fire_at, rule.id, rule.next_fire_at),
            )
            ids = self._deliveries.add(connection, deliveries) if claimed.rowcount else []
        self._deliveries.announce(ids)
