"""From an event on a bus to the deliveries that its rules ask for."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.clock import Clock, iso
from localcloud.events import names
from localcloud.events.deliveries import Delivery
from localcloud.events.patterns import EventPattern, parse_pattern
from localcloud.events.store import EventStore, Rule, Target
from localcloud.events.transform import Origin, compact, payload_of
from localcloud.service import CloudContext

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """An enabled rule with its compiled pattern and its targets."""

    rule: Rule
    pattern: EventPattern
    targets: tuple[Target, ...]


class Router:
    """Matches events against rules, which it keeps compiled until they change."""

    def __init__(self, context: CloudContext, store: EventStore, clock: Clock) -> None:
        """Route by the rules in `store`."""
        self._context = context
        self._store = store
        self._clock = clock
        self._guard = threading.Lock()
        self._version = 0
        self._routes: dict[str, tuple[Route, ...]] = {}

    def forget(self) -> None:
        """Read the rules again: they, or their targets, have changed."""
        with self._guard:
            self._version += 1
            self._routes.clear()

    def _routes_of(self, bus: str) -> tuple[Route, ...]:
        with self._guard:
            version, known = self._version, self._routes.get(bus)
        if known is not None:
            return known
        routes = tuple(
            Route(rule, parse_pattern(rule.pattern), tuple(self._store.targets(rule)))
            for rule in self._store.rules(bus)
            if rule.enabled and rule.pattern
        )
        with self._guard:
            if version == self._version:
                self._routes[bus] = routes
        return routes

    def deliveries(self, bus: str, event: Event) -> list[Delivery]:
        """Return what is to be delivered when `event` arrives on `bus`."""
        return [
            delivery
            for route in self._routes_of(bus)
            if route.pattern.matches(event)
            for delivery in self.for_rule(route.rule, route.targets, event)
        ]

    def for_rule(
        self, rule: Rule, targets: tuple[Target, ...] | list[Target], event: Event
    ) -> list[Delivery]:
        """Return the deliveries of `event` to the `targets` of `rule`."""
        now = self._clock()
        arn = names.rule_arn(self._context, rule)
        origin = Origin(arn, rule.name, iso(now))
        body = compact(event)
        return [
            Delivery(
                target["Arn"],
                target,
                payload_of(target, event, origin),
                now,
                body,
                {"RULE_ARN": arn},
            )
            for target in targets
        ]
