"""The routing of an event on a bus to the targets of the rules that match it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.clock import Clock, iso
from localcloud.events.delivery_queue import TargetDelivery
from localcloud.events.patterns import EventPattern, parse_pattern
from localcloud.events.store import EventRule, EventStore, TargetDefinition, rule_arn
from localcloud.events.target_input import EventOrigin, compact_json, target_payload
from localcloud.service import CloudContext

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RuleRoute:
    """An enabled rule with its compiled pattern and its targets."""

    rule: EventRule
    pattern: EventPattern
    targets: tuple[TargetDefinition, ...]


class EventRouter:
    """A router that matches events against the compiled rules of a bus."""

    def __init__(self, context: CloudContext, store: EventStore, clock: Clock) -> None:
        """Route by the rules in `store`."""
        self._context = context
        self._store = store
        self._clock = clock
        self._guard = threading.Lock()
        self._version = 0
        self._routes: dict[str, tuple[RuleRoute, ...]] = {}

    def clear_cache(self) -> None:
        """Read the rules again at the next event, because rules or targets have changed."""
        with self._guard:
            self._version += 1
            self._routes.clear()

    def _bus_routes(self, bus: str) -> tuple[RuleRoute, ...]:
        with self._guard:
            version, known = self._version, self._routes.get(bus)
        if known is not None:
            return known
        routes = tuple(
            RuleRoute(rule, parse_pattern(rule.pattern), tuple(self._store.targets(rule)))
            for rule in self._store.rules(bus)
            if rule.enabled and rule.pattern
        )
        with self._guard:
            if version == self._version:
                self._routes[bus] = routes
        return routes

    def deliveries(self, bus: str, event: Event) -> list[TargetDelivery]:
        """Return the deliveries that the rules of `bus` make of `event`."""
        return [
            delivery
            for route in self._bus_routes(bus)
            if route.pattern.matches(event)
            for delivery in self.rule_deliveries(route.rule, route.targets, event)
        ]

    def rule_deliveries(
        self,
        rule: EventRule,
        targets: tuple[TargetDefinition, ...] | list[TargetDefinition],
        event: Event,
    ) -> list[TargetDelivery]:
        """Return the deliveries of `event` to the `targets` of `rule`."""
        now = self._clock()
        arn = rule_arn(self._context, rule)
        origin = EventOrigin(arn, rule.name, iso(now))
        body = compact_json(event)
        return [
            TargetDelivery(
                target["Arn"],
                target,
                target_payload(target, event, origin),
                now,
                body,
                {"RULE_ARN": arn},
            )
            for target in targets
        ]
