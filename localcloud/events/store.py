"""The database of EventBridge: buses, rules, targets and tags, and the ARNs that name them."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.events import delivery_queue
from localcloud.service import CloudContext, Params

DEFAULT_BUS = "default"
SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS buses (
    name TEXT PRIMARY KEY,
    description TEXT,
    created_at REAL NOT NULL,
    modified_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS rules (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    bus TEXT NOT NULL REFERENCES buses (name),
    name TEXT NOT NULL,
    pattern TEXT,
    schedule TEXT,
    state TEXT NOT NULL,
    description TEXT,
    role_arn TEXT,
    anchor_at REAL NOT NULL,
    next_fire_at REAL,
    UNIQUE (bus, name)
);
CREATE TABLE IF NOT EXISTS rule_targets (
    rule_id INTEGER NOT NULL REFERENCES rules (id) ON DELETE CASCADE,
    target_id TEXT NOT NULL,
    definition TEXT NOT NULL,
    PRIMARY KEY (rule_id, target_id)
);
CREATE TABLE IF NOT EXISTS tags (
    arn TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (arn, key)
);
"""
    + delivery_queue.SCHEMA
)


def open_database(folder: Path) -> Database:
    """Open the database of EventBridge in `folder`."""
    return Database(folder / "events.sqlite", SCHEMA)


@dataclass(frozen=True, slots=True)
class EventBusRecord:
    """An event bus. Times are seconds since the epoch."""

    name: str
    description: str | None
    created_at: float
    modified_at: float


@dataclass(frozen=True, slots=True)
class EventRule:
    """A rule as it is stored. Times are seconds since the epoch."""

    bus: str
    name: str
    pattern: str | None
    schedule: str | None
    state: str
    description: str | None
    role_arn: str | None
    anchor_at: float
    next_fire_at: float | None
    id: int = 0

    @property
    def enabled(self) -> bool:
        """Return whether the rule is enabled: it matches events and its schedule fires."""
        return self.state == "ENABLED"


TargetDefinition = Mapping[str, Any]
"""A target as PutTargets takes it."""


def _rule(row: sqlite3.Row) -> EventRule:
    return EventRule(
        row["bus"],
        row["name"],
        row["pattern"],
        row["schedule"],
        row["state"],
        row["description"],
        row["role_arn"],
        row["anchor_at"],
        row["next_fire_at"],
        row["id"],
    )


class EventStore:
    """The rows of buses, rules, targets and tags."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Store rows in `database`, and add the bus `default` if it is missing."""
        self.database = database
        self._clock = clock
        self.add_bus(DEFAULT_BUS, None)

    def add_bus(self, name: str, description: str | None) -> bool:
        """Store a bus; return False if the name is taken."""
        now = self._clock()
        return bool(
            self.database.write(
                "INSERT OR IGNORE INTO buses VALUES (?, ?, ?, ?)", name, description, now, now
            )
        )

    def set_bus_description(self, name: str, description: str | None) -> None:
        """Replace the description of a bus."""
        self.database.write(
            "UPDATE buses SET description = ?, modified_at = ? WHERE name = ?",
            description,
            self._clock(),
            name,
        )

    def buses(self) -> list[EventBusRecord]:
        """Return every bus, by name."""
        rows = self.database.read("SELECT * FROM buses ORDER BY name")
        return [EventBusRecord(*row) for row in rows]

    def bus(self, name: str) -> EventBusRecord | None:
        """Return the bus called `name`, or None."""
        return next((bus for bus in self.buses() if bus.name == name), None)

    def remove_bus(self, name: str) -> None:
        """Delete a bus without rules."""
        self.database.write("DELETE FROM buses WHERE name = ?", name)

    def rules(self, bus: str) -> list[EventRule]:
        """Return the rules of `bus`, by name."""
        rows = self.database.read("SELECT * FROM rules WHERE bus = ? ORDER BY name", bus)
        return [_rule(row) for row in rows]

    def rule(self, bus: str, name: str) -> EventRule | None:
        """Return one rule, or None."""
        rows = self.database.read("SELECT * FROM rules WHERE bus = ? AND name = ?", bus, name)
        return _rule(rows[0]) if rows else None

    def put_rule(self, rule: EventRule) -> None:
        """Store a rule or replace it, keeping its targets."""
        self.database.write(
            "INSERT INTO rules (bus, name, pattern, schedule, state, description, role_arn,"
            " anchor_at, next_fire_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (bus, name) DO UPDATE SET pattern = excluded.pattern,"
            " schedule = excluded.schedule, state = excluded.state,"
            " description = excluded.description, role_arn = excluded.role_arn,"
            " anchor_at = excluded.anchor_at, next_fire_at = excluded.next_fire_at",
            rule.bus,
            rule.name,
            rule.pattern,
            rule.schedule,
            rule.state,
            rule.description,
            rule.role_arn,
            rule.anchor_at,
            rule.next_fire_at,
        )

    def remove_rule(self, rule: EventRule) -> None:
        """Delete a rule and its targets."""
        self.database.write("DELETE FROM rules WHERE id = ?", rule.id)

    def due_rules(self, moment: float) -> list[EventRule]:
        """Return the rules whose schedule is due at `moment`, in seconds since the epoch."""
        rows = self.database.read("SELECT * FROM rules WHERE next_fire_at <= ?", moment)
        return [_rule(row) for row in rows]

    def next_fire_at(self) -> float | None:
        """Return when the next scheduled rule fires, or None if no rule has a schedule."""
        rows = self.database.read("SELECT min(next_fire_at) AS at FROM rules")
        at: float | None = rows[0]["at"]
        return at

    def targets(self, rule: EventRule) -> list[TargetDefinition]:
        """Return the targets of a rule, by id."""
        rows = self.database.read(
            "SELECT definition FROM rule_targets WHERE rule_id = ? ORDER BY target_id", rule.id
        )
        return [json.loads(row["definition"]) for row in rows]

    def put_targets(self, rule: EventRule, targets: Sequence[TargetDefinition]) -> None:
        """Add `targets` to a rule, replacing those with the same id."""
        with self.database.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO rule_targets VALUES (?, ?, ?)",
                [(rule.id, target["Id"], json.dumps(target)) for target in targets],
            )

    def remove_target(self, rule: EventRule, target_id: str) -> bool:
        """Remove one target; return False if the rule has no target of that id."""
        return bool(
            self.database.write(
                "DELETE FROM rule_targets WHERE rule_id = ? AND target_id = ?", rule.id, target_id
            )
        )

    def tags(self, arn: str) -> dict[str, str]:
        """Return the tags of a bus or rule."""
        rows = self.database.read("SELECT key, value FROM tags WHERE arn = ? ORDER BY key", arn)
        return {row["key"]: row["value"] for row in rows}

    def set_tags(self, arn: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a bus or rule."""
        with self.database.transaction() as connection:
            connection.execute("DELETE FROM tags WHERE arn = ?", (arn,))
            connection.executemany(
                "INSERT INTO tags VALUES (?, ?, ?)", [(arn, key, tags[key]) for key in tags]
            )


def bus_arn(context: CloudContext, bus: str) -> str:
    """Return the ARN of a bus."""
    return context.arn("events", f"event-bus/{bus}")


def rule_arn(context: CloudContext, rule: EventRule) -> str:
    """Return the ARN of a rule; on the default bus it does not name the bus."""
    prefix = "" if rule.bus == DEFAULT_BUS else f"{rule.bus}/"
    return context.arn("events", f"rule/{prefix}{rule.name}")


def bus_name(context: CloudContext, name_or_arn: str | None) -> str:
    """Return the name of the bus that a request names by name or ARN.

    No name means the default bus. An ARN of another account or Region is returned unchanged.
    """
    if name_or_arn is None:
        return DEFAULT_BUS
    parts = re.fullmatch(r"arn:aws[\w-]*:events:([\w-]+):(\d{12}):event-bus/(.+)", name_or_arn)
    if not parts:
        return name_or_arn
    own = (parts[1], parts[2]) == (context.region, context.account_id)
    return parts[3] if own else name_or_arn


def requested_bus(context: CloudContext, params: Params) -> str:
    """Return the name of the bus that EventBusName of a request or an entry means."""
    return bus_name(context, params.get("EventBusName"))
