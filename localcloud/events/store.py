"""Where buses, rules, targets and tags are kept."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.events import deliveries

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
    + deliveries.SCHEMA
)


def open_database(folder: Path) -> Database:
    """Open the database of EventBridge in `folder`."""
    return Database(folder / "events.sqlite", SCHEMA)


@dataclass(frozen=True, slots=True)
class Bus:
    """An event bus. Times are seconds since the epoch."""

    name: str
    description: str | None
    created_at: float
    modified_at: float


@dataclass(frozen=True, slots=True)
class Rule:
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
        """True when the rule matches and fires."""
        return self.state == "ENABLED"


Target = Mapping[str, Any]


def _rule(row: sqlite3.Row) -> Rule:
    return Rule(
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
    """The rows of everything but deliveries."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Keep rows in `database`, in which bus `default` always exists."""
        self.database = database
        self._clock = clock
        self.add_bus("default", None)

    def add_bus(self, name: str, description: str | None) -> bool:
        """Store a bus; False when the name is taken."""
        now = self._clock()
        return bool(
            self.database.write(
                "INSERT OR IGNORE INTO buses VALUES (?, ?, ?, ?)", name, description, now, now
            )
        )

    def describe_bus(self, name: str, description: str | None) -> None:
        """Replace the description of a bus."""
        self.database.write(
            "UPDATE buses SET description = ?, modified_at = ? WHERE name = ?",
            description,
            self._clock(),
            name,
        )

    def buses(self) -> list[Bus]:
        """Return every bus, by name."""
        rows = self.database.read("SELECT * FROM buses ORDER BY name")
        return [Bus(*row) for row in rows]

    def bus(self, name: str) -> Bus | None:
        """Return the bus called `name`, or None."""
        return next((bus for bus in self.buses() if bus.name == name), None)

    def remove_bus(self, name: str) -> None:
        """Delete a bus without rules."""
        self.database.write("DELETE FROM buses WHERE name = ?", name)

    def rules(self, bus: str) -> list[Rule]:
        """Return the rules of `bus`, by name."""
        rows = self.database.read("SELECT * FROM rules WHERE bus = ? ORDER BY name", bus)
        return [_rule(row) for row in rows]

    def rule(self, bus: str, name: str) -> Rule | None:
        """Return one rule, or None."""
        rows = self.database.read("SELECT * FROM rules WHERE bus = ? AND name = ?", bus, name)
        return _rule(rows[0]) if rows else None

    def put_rule(self, rule: Rule) -> None:
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

    def remove_rule(self, rule: Rule) -> None:
        """Delete a rule and its targets."""
        self.database.write("DELETE FROM rules WHERE id = ?", rule.id)

    def due_rules(self, moment: float) -> list[Rule]:
        """Return the rules whose schedule has come by `moment`."""
        rows = self.database.read("SELECT * FROM rules WHERE next_fire_at <= ?", moment)
        return [_rule(row) for row in rows]

    def next_fire_at(self) -> float | None:
        """Return when the next rule fires, or None."""
        rows = self.database.read("SELECT min(next_fire_at) AS at FROM rules")
        at: float | None = rows[0]["at"]
        return at

    def targets(self, rule: Rule) -> list[Target]:
        """Return the targets of a rule, by id."""
        rows = self.database.read(
            "SELECT definition FROM rule_targets WHERE rule_id = ? ORDER BY target_id", rule.id
        )
        return [json.loads(row["definition"]) for row in rows]

    def put_targets(self, rule: Rule, targets: Sequence[Target]) -> None:
        """Add `targets` to a rule, replacing those with the same id."""
        with self.database.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO rule_targets VALUES (?, ?, ?)",
                [(rule.id, target["Id"], json.dumps(target)) for target in targets],
            )

    def remove_target(self, rule: Rule, target_id: str) -> bool:
        """Take one target away; False when the rule had none such."""
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
