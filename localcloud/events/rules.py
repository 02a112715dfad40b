"""The operations on rules, and the schedules of those that have one.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from typing import Any

from localcloud.clock import Clock, utc
from localcloud.errors import AwsError, unsupported
from localcloud.events import names
from localcloud.events.buses import tags_of
from localcloud.events.cron import Cron, InvalidSchedule
from localcloud.events.filters import InvalidPattern
from localcloud.events.names import invalid, not_found
from localcloud.events.patterns import EventPattern, parse_pattern
from localcloud.events.schedules import Rate, parse_schedule
from localcloud.events.store import EventStore, Rule
from localcloud.paging import InvalidToken, page
from localcloud.service import CloudContext, Params, Result

MAX_RULES = 300
EXCEEDED = "The requested resource exceeds the maximum number allowed."
_EVENT_FIELDS = frozenset({"id", "account", "source", "time", "region", "detail-type"})


def pattern_of(text: str) -> EventPattern:
    """Compile a pattern, or raise InvalidEventPatternException."""
    try:
        return parse_pattern(text)
    except InvalidPattern as error:
        raise AwsError(
            "InvalidEventPatternException", f"Event pattern is not valid. Reason: {error}"
        ) from error


def next_firing(expression: str, now: float, anchor: float) -> float | None:
    """Return when `expression` next fires after `now`; a rate counts from `anchor`."""
    schedule = parse_schedule(expression, strict=True)
    if isinstance(schedule, Rate):
        return schedule.after(utc(now), utc(anchor) + schedule.interval).timestamp()
    following = schedule.after(utc(now), UTC) if isinstance(schedule, Cron) else None
    return following.timestamp() if following is not None else None


class RuleOperations:
    """Put, describe, list, switch and delete rules; test patterns."""

    def __init__(
        self,
        context: CloudContext,
        store: EventStore,
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        """Operate on the rules in `store`; `changed` is called after every change."""
        self._context = context
        self._store = store
        self._clock = clock
        self._changed = changed

    def existing(self, bus: str, name: str) -> Rule:
        """Return a rule, or raise ResourceNotFoundException for its bus or itself."""
        self._check_bus(bus)
        rule = self._store.rule(bus, name)
        if rule is None:
            raise not_found(f"Rule {name} does not exist on EventBus {bus}.")
        return rule

    def _check_bus(self, bus: str) -> None:
        if self._store.bus(bus) is None:
            raise not_found(f"Event bus {bus} does not exist.")

    def put_rule(self, params: Params) -> Result:
        """Create a rule or replace its settings, keeping its targets and tags."""
        bus, name = names.bus_of(self._context, params), params["Name"]
        self._check_bus(bus)
        pattern, schedule = params.get("EventPattern"), params.get("ScheduleExpression")
        if not pattern and not schedule:
            raise invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
        if pattern:
            pattern_of(pattern)
        if schedule:
            _check_schedule(schedule, bus)
        state = params.get("State", "ENABLED")
        if state not in ("ENABLED", "DISABLED"):
            raise unsupported("EventBridge", f"the rule state {state}")
        known = self._store.rule(bus, name)
        if known is None and len(self._store.rules(bus)) >= MAX_RULES:
            raise AwsError("LimitExceededException", EXCEEDED)
        rule = Rule(
            bus,
            name,
            pattern or None,
            schedule or None,
            state,
            params.get("Description"),
            params.get("RoleArn"),
            self._clock(),
            None,
        )
        self._save(_in_rhythm(rule, known))
        arn = names.rule_arn(self._context, rule)
        if known is None:
            self._store.set_tags(arn, tags_of(params))
        return {"RuleArn": arn}

    def _save(self, rule: Rule) -> None:
        if rule.schedule and rule.enabled and rule.next_fire_at is None:
            due = next_firing(rule.schedule, self._clock(), rule.anchor_at)
            rule = replace(rule, next_fire_at=due)
        self._store.put_rule(rule)
        self._changed()

    def enable_rule(self, params: Params) -> Result:
        """Let a rule match and fire."""
        self._switch(params, "ENABLED")
        return {}

    def disable_rule(self, params: Params) -> Result:
        """Stop a rule from matching and firing."""
        self._switch(params, "DISABLED")
        return {}

    def _switch(self, params: Params, state: str) -> None:
        rule = self.existing(names.bus_of(self._context, params), params["Name"])
        if rule.state != state:
            self._save(replace(rule, state=state, anchor_at=self._clock(), next_fire_at=None))

    def describe_rule(self, params: Params) -> Result:
        """Describe one rule."""
        rule = self.existing(names.bus_of(self._context, params), params["Name"])
        return {**self._described(rule), "CreatedBy": self._context.account_id}

    def _described(self, rule: Rule) -> dict[str, Any]:
        described = {
            "Name": rule.name,
            "Arn": names.rule_arn(self._context, rule),
            "EventPattern": rule.pattern,
            "ScheduleExpression": rule.schedule,
            "State": rule.state,
            "Description": rule.description,
            "RoleArn": rule.role_arn,
            "EventBusName": rule.bus,
        }
        return {name: value for name, value in described.items() if value is not None}

    def list_rules(self, params: Params) -> Result:
        """List the rules of a bus by name prefix."""
        bus, prefix = names.bus_of(self._context, params), params.get("NamePrefix", "")
        self._check_bus(bus)
        found = [rule for rule in self._store.rules(bus) if rule.name.startswith(prefix)]
        chosen, token = rule_page(found, params)
        return {"Rules": [self._described(rule) for rule in chosen], **token}

    def list_rule_names_by_target(self, params: Params) -> Result:
        """List the rules of a bus that have a certain target."""
        bus, arn = names.bus_of(self._context, params), params["TargetArn"]
        self._check_bus(bus)
        found = [
            rule
            for rule in self._store.rules(bus)
            if any(target["Arn"] == arn for target in self._store.targets(rule))
        ]
        chosen, token = rule_page(found, params)
        return {"RuleNames": [rule.name for rule in chosen], **token}

    def delete_rule(self, params: Params) -> Result:
        """Delete a rule without targets; one that does not exist is no error."""
        bus = names.bus_of(self._context, params)
        self._check_bus(bus)
        rule = self._store.rule(bus, params["Name"])
        if rule is None:
            return {}
        if self._store.targets(rule):
            raise invalid("Rule can't be deleted since it has targets.")
        self._store.remove_rule(rule)
        self._store.set_tags(names.rule_arn(self._context, rule), {})
        self._changed()
        return {}

    def test_event_pattern(self, params: Params) -> Result:
        """Tell whether a pattern matches an event, which must have the mandatory fields."""
        pattern = pattern_of(params["EventPattern"])
        try:
            event = json.loads(params["Event"])
        except ValueError as error:
            raise invalid("Parameter Event is not valid. Reason: Not valid JSON.") from error
        if not isinstance(event, dict):
            raise invalid("Parameter Event is not valid. Reason: Not a JSON object.")
        missing = sorted(_EVENT_FIELDS - set(event))
        if missing:
            raise invalid(
                f"Parameter Event is not valid. Reason: {', '.join(missing)} is a required field."
            )
        return {"Result": pattern.matches(event)}


def _in_rhythm(rule: Rule, known: Rule | None) -> Rule:
    """Return `rule` with the firing times of `known`, if its schedule goes on unchanged."""
    if known is None or (rule.schedule, rule.state) != (known.schedule, known.state):
        return rule
    return replace(rule, anchor_at=known.anchor_at, next_fire_at=known.next_fire_at)


def rule_page(found: list[Rule], params: Params) -> tuple[list[Rule], dict[str, str]]:
    """Return one page of rules and the NextToken member, if there are more."""
    try:
        chosen, token = page(
            found, lambda rule: rule.name, params.get("Limit", 100), params.get("NextToken")
        )
    except InvalidToken as error:
        raise invalid(str(error)) from error
    return chosen, {"NextToken": token} if token else {}


def _check_schedule(expression: str, bus: str) -> None:
    if bus != names.DEFAULT_BUS:
        raise invalid("ScheduleExpression is supported only on the default event bus.")
    try:
        parse_schedule(expression, strict=True)
    except InvalidSchedule as error:
        raise invalid("Parameter ScheduleExpression is not valid.") from error
