"""The EventBridge service: its parts put together, one attribute an API operation."""

from __future__ import annotations

import time
import uuid
from collections import ChainMap
from collections.abc import Iterable, Mapping
from typing import Any

from localcloud.clock import Clock, iso
from localcloud.errors import AwsError, unsupported
from localcloud.events import names, putting
from localcloud.events.alarms import Alarm
from localcloud.events.buses import BusOperations
from localcloud.events.deliveries import Delivery, DeliveryQueue, Targets
from localcloud.events.names import not_found
from localcloud.events.routing import Event, Router
from localcloud.events.rule_targets import TargetOperations
from localcloud.events.rules import RuleOperations, next_firing
from localcloud.events.store import EventStore, Rule, open_database
from localcloud.service import CloudContext, Params, Result


class EventsService:
    """EventBridge, botocore service `events`, on one SQLite file."""

    name = "events"

    def __init__(self, context: CloudContext, targets: Targets, clock: Clock = time.time) -> None:
        """Open buses and rules; deliver by `targets`, which may be filled in until `start`.

        Another bus of this account is always a target, whether `targets` has `events` or not.
        """
        self._context = context
        self._clock = clock
        self._database = open_database(context.folder("events"))
        self._store = EventStore(self._database, clock)
        own: Targets = {"events": self.deliver}
        kinds: Targets = ChainMap(targets, own)  # type: ignore[arg-type]
        self._router = Router(context, self._store, clock)
        self._deliveries = DeliveryQueue(self._database, kinds, clock, "events-delivery")
        self._alarm = Alarm("events-schedules", clock, self._store.next_fire_at, self.fire_due)
        buses = BusOperations(context, self._store)
        rules = RuleOperations(context, self._store, clock, self._rules_changed)
        on_targets = TargetOperations(context, self._store, rules, kinds, self._rules_changed)

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

        self.put_targets = on_targets.put_targets
        self.list_targets_by_rule = on_targets.list_targets_by_rule
        self.remove_targets = on_targets.remove_targets

    def start(self) -> None:
        """Take up the deliveries an earlier run left, and begin to fire schedules.

        A schedule that came due while the cloud was down fires once, at once.
        """
        self._deliveries.start()
        self._alarm.start()

    def stop(self) -> None:
        """End the threads; what was not delivered waits for the next start."""
        self._alarm.stop()
        self._deliveries.stop()
        self._database.close()

    def wake(self) -> None:
        """Make the threads look again; for a caller that moved the clock."""
        self._alarm.wake()
        self._deliveries.wake()

    def pending_deliveries(self) -> int:
        """Return how many deliveries are neither made nor dead-lettered."""
        return self._deliveries.pending()

    def _rules_changed(self) -> None:
        self._router.forget()
        self._alarm.wake()

    def put_events(self, params: Params) -> Result:
        """Accept events, each on its own; what is accepted is durable when this returns.

        As on AWS, an entry for a bus that does not exist gets an id and goes nowhere.
        """
        if params.get("EndpointId"):
            raise unsupported("EventBridge", "global endpoints")
        entries = params["Entries"]
        putting.check_request(entries)
        results: list[dict[str, str]] = []
        wanted: list[Delivery] = []
        for entry in entries:
            bus = names.bus_of(self._context, entry)
            try:
                event = putting.event_of(self._context, self._clock, entry)
            except AwsError as error:
                results.append({"ErrorCode": error.code, "ErrorMessage": error.message})
                continue
            wanted.extend(self._router.deliveries(bus, event))
            results.append({"EventId": event["id"]})
        self._accept(wanted)
        failed = sum("ErrorCode" in result for result in results)
        return {"FailedEntryCount": failed, "Entries": results}

    def _accept(self, wanted: Iterable[Delivery]) -> None:
        with self._database.transaction() as connection:
            ids = self._deliveries.add(connection, wanted)
        self._deliveries.announce(ids)

    def publish(self, event: Event) -> None:
        """Put an event of an AWS service on the default bus; durable when this returns.

        `event` has `source`, `detail-type` and `detail`, and may have `resources`, `time`
        (ISO 8601) and `id`. Any source is allowed, also `aws.…`.
        """
        self._arrive(names.DEFAULT_BUS, putting.new_event(self._context, self._clock, event))

    def _arrive(self, bus: str, event: Event) -> None:
        wanted = self._router.deliveries(bus, event)
        if wanted:
            self._accept(wanted)

    def deliver(self, target_arn: str, payload: object, definition: Mapping[str, Any]) -> None:
        """Put an event on the bus `target_arn`, as the target of a rule or a schedule.

        With `EventBridgeParameters` in `definition` (DetailType, Source), `payload` is the
        detail of a new event; without, it is the event itself.
        """
        bus = names.bus_name(self._context, target_arn)
        if self._store.bus(bus) is None:
            raise not_found(f"Event bus {bus} does not exist.")
        if not isinstance(payload, dict):
            raise names.invalid("An event bus takes JSON objects only.")
        parameters = definition.get("EventBridgeParameters")
        if parameters is None:
            self._arrive(bus, payload)
            return
        given = {
            "source": parameters["Source"],
            "detail-type": parameters["DetailType"],
            "detail": payload,
            "id": definition.get("DeduplicationId"),
        }
        self._arrive(bus, putting.new_event(self._context, self._clock, given))

    def fire_due(self) -> None:
        """Fire every rule whose schedule has come; each firing is durable before the next."""
        for rule in self._store.due_rules(self._clock()):
            self._fire(rule)

    def _fire(self, rule: Rule) -> None:
        now = self._clock()
        event = putting.new_event(
            self._context,
            self._clock,
            {
                "id": str(uuid.uuid4()),
                "source": "aws.events",
                "detail-type": "Scheduled Event",
                "time": iso(rule.next_fire_at or now),
                "resources": [names.rule_arn(self._context, rule)],
                "detail": {},
            },
        )
        wanted = self._router.for_rule(rule, self._store.targets(rule), event)
        following = next_firing(str(rule.schedule), now, rule.anchor_at)
        with self._database.transaction() as connection:
            claimed = connection.execute(
                "UPDATE rules SET next_fire_at = ? WHERE id = ? AND next_fire_at = ?",
                (following, rule.id, rule.next_fire_at),
            )
            ids = self._deliveries.add(connection, wanted) if claimed.rowcount else []
        self._deliveries.announce(ids)
