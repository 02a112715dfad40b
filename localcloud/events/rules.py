"""The operations on rules, and when scheduled rules fire.

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
from localcloud.events.buses import tags_from_request
from localcloud.events.content_filters import InvalidPattern
from localcloud.events.errors import invalid, not_found
from localcloud.events.patterns import EventPattern, parse_pattern
from localcloud.events.schedule_expressions import (
    CronExpression,
    InvalidSchedule,
    RateExpression,
    parse_schedule_expression,
)
from localcloud.events.store import DEFAULT_BUS, EventRule, EventStore, requested_bus, rule_arn
from localcloud.pagination import InvalidToken, page
from localcloud.service import CloudContext, Params, Result

MAX_RULES = 300
LIMIT_EXCEEDED_MESSAGE = "The requested resource exceeds the maximum number allowed."
_MANDATORY_EVENT_FIELDS = frozenset({"id", "account", "source", "time", "region", "detail-type"})


def compile_event_pattern(text: str) -> EventPattern:
    """Compile a pattern, or raise InvalidEventPatternException."""
    try:
        return parse_pattern(text)
    except InvalidPattern as error:
        raise AwsError(
            "InvalidEventPatternException", f"Event pattern is not valid. Reason: {error}"
        ) from error


def next_fire_time(expression: str, now: float, anchor: float) -> float | None:
    """Return when a schedule expression fires next after `now`; a rate counts from `anchor`.

    Times are seconds since the epoch. None means that it never fires again.
    """
    schedule = parse_schedule_expression(expression, strict=True)
    if isinstance(schedule, RateExpression):
        return schedule.after(utc(now), utc(anchor) + schedule.interval).timestamp()
    following = schedule.after(utc(now), UTC) if isinstance(schedule, CronExpression) else None
    return following.timestamp() if following is not None else None


class RuleOperations:
    """Put, describe, list, enable, disable and delete rules; test event patterns."""

    def __init__(
        self,
        context: CloudContext,
        store: EventStore,
        clock: Clock,
        on_change: Callable[[], None],
    ) -> None:
        """Operate on the rules in `store`; `on_change` is called after every change."""
        self._context = context
        self._store = store
        self._clock = clock
        self._on_change = on_change

    def require_rule(self, bus: str, name: str) -> EventRule:
        """Return a rule, or raise ResourceNotFoundException if it or its bus does not exist."""
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
        bus, name = requested_bus(self._context, params), params["Name"]
        self._check_bus(bus)
        pattern, schedule = params.get("EventPattern"), params.get("ScheduleExpression")
        if not pattern and not schedule:
            raise invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
        if pattern:
            compile_event_pattern(pattern)
        if schedule:
            _check_schedule(schedule, bus)
        state = params.get("State", "ENABLED")
        if state not in ("ENABLED", "DISABLED"):
            raise unsupported("EventBridge", f"the rule state {state}")
        known = self._store.rule(bus, name)
        if known is None and len(self._store.rules(bus)) >= MAX_RULES:
            raise AwsError("LimitExceededException", LIMIT_EXCEEDED_MESSAGE)
        rule = EventRule(
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
        self._save(_with_fire_times(rule, known))
        arn = rule_arn(self._context, rule)
        if known is None:
            self._store.set_tags(arn, tags_from_request(params))
        return {"RuleArn": arn}

    def _save(self, rule: EventRule) -> None:
        if rule.schedule and rule.enabled and rule.next_fire_at is None:
            due = next_fire_time(rule.schedule, self._clock(), rule.anchor_at)
            rule = replace(rule, next_fire_at=due)
        self._store.put_rule(rule)
        self._on_change()

    def enable_rule(self, params: Params) -> Result:
        """Enable a rule."""
        self._set_state(params, "ENABLED")
        return {}

    def disable_rule(self, params: Params) -> Result:
        """Disable a rule: it neither matches events nor fires."""
        self._set_state(params, "DISABLED")
        return {}

    def _set_state(self, params: Params, state: str) -> None:
        rule = self.require_rule(requested_bus(self._context, params), params["Name"])
        if rule.state != state:
            self._save(replace(rule, state=state, anchor_at=self._clock(), next_fire_at=None))

    def describe_rule(self, params: Params) -> Result:
        """Describe one rule."""
        rule = self.require_rule(requested_bus(self._context, params), params["Name"])
        return {**self._rule_description(rule), "CreatedBy": self._context.account_id}

    def _rule_description(self, rule: EventRule) -> dict[str, Any]:
        description = {
            "Name": rule.name,
            "Arn": rule_arn(self._context, rule),
            "EventPattern": rule.pattern,
            "ScheduleExpression": rule.schedule,
            "State": rule.state,
            "Description": rule.description,
            "RoleArn": rule.role_arn,
            "EventBusName": rule.bus,
        }
        return {name: value for name, value in description.items() if value is not None}

    def list_rules(self, params: Params) -> Result:
        """List the rules of a bus by name prefix."""
        bus, prefix = requested_bus(self._context, params), params.get("NamePrefix", "")
        self._check_bus(bus)
        matching = [rule for rule in self._store.rules(bus) if rule.name.startswith(prefix)]
        rules, next_token = _rule_page(matching, params)
        return {"Rules": [self._rule_description(rule) for rule in rules], **next_token}

    def list_rule_names_by_target(self, params: Params) -> Result:
        """List the names of the rules of a bus that have a certain target."""
        bus, arn = requested_bus(self._context, params), params["TargetArn"]
        self._check_bus(bus)
        matching = [
            rule
            for rule in self._store.rules(bus)
            if any(target["Arn"] == arn for target in self._store.targets(rule))
        ]
        rules, next_token = _rule_page(matching, params)
        return {"RuleNames": [rule.name for rule in rules], **next_token}

    def delete_rule(self, params: Params) -> Result:
        """Delete a rule that has no targets; do nothing if the rule does not exist."""
        bus = requested_bus(self._context, params)
        self._check_bus(bus)
        rule = self._store.rule(bus, params["Name"])
        if rule is None:
            return {}
        if self._store.targets(rule):
            raise invalid("Rule can't be deleted since it has targets.")
        self._store.remove_rule(rule)
        self._store.set_tags(rule_arn(self._context, rule), {})
        self._on_change()
        return {}

    def test_event_pattern(self, params: Params) -> Result:
        """Return whether a pattern matches an event, which must have the mandatory fields."""
        pattern = compile_event_pattern(params["EventPattern"])
        try:
            event = json.loads(params["Event"])
        except ValueError as error:
            raise invalid("Parameter Event is not valid. Reason: Not valid JSON.") from error
        if not isinstance(event, dict):
            raise invalid("Parameter Event is not valid. Reason: Not a JSON object.")
        missing = sorted(_MANDATORY_EVENT_FIELDS - set(event))
        if missing:
            raise invalid(
                f"Parameter Event is not valid. Reason: {', '.join(missing)} is a required field."
            )
        return {"Result": pattern.matches(event)}


def _with_fire_times(rule: EventRule, known: EventRule | None) -> EventRule:
    """Return `rule` with the fire times of `known`, if schedule and state are unchanged."""
    if known is None or (rule.schedule, rule.state) != (known.schedule, known.state):
        return rule
    return replace(rule, anchor_at=known.anchor_at, next_fire_at=known.next_fire_at)


def _rule_page(matching: list[EventRule], params: Params) -> tuple[list[EventRule], dict[str, str]]:
    """Return one page of rules and the NextToken member, if there are more."""
    try:
        rules, next_token = page(
            matching, lambda rule: rule.name, params.get("Limit", 100), params.get("NextToken")
        )
    except InvalidToken as error:
        raise invalid(str(error)) from error
    return rules, {"NextToken": next_token} if next_token else {}


def _check_schedule(expression: str, bus: str) -> None:
    if bus != DEFAULT_BUS:
        raise invalid("ScheduleExpression is supported only on the default event bus.")
    try:
        parse_schedule_expression(expression, strict=True)
    except InvalidSchedule as error:
        raise invalid("Parameter ScheduleExpression is not valid.") from error
