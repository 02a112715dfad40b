"""The ledger: counts of calls by caller, and of decisions by the statement that made them.

A new entry is written at once and counts within a second, so that killing the process loses at
most a second of counts, and no entry.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from localcloud.database import Database
from localcloud.supervision import SupervisedThread

LEDGER_FILE = "ledger.sqlite3"
_FLUSH_S = 1.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    caller TEXT NOT NULL, service TEXT NOT NULL, operation TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (caller, service, operation));
CREATE TABLE IF NOT EXISTS decisions (
    caller TEXT NOT NULL, action TEXT NOT NULL, resource TEXT NOT NULL, statement TEXT NOT NULL,
    allowed INTEGER NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (caller, action, resource, statement, allowed));
CREATE TABLE IF NOT EXISTS grants (
    role TEXT NOT NULL, owner TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (role, name));
"""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A caller's call of an operation. `caller` is a role's ARN, a service or `administrator`."""

    caller: str
    service: str
    operation: str


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """A decision on an action of a caller.

    `resource` is the pattern of the statement that decided; without a statement it is the
    requested ARN with single names replaced (`…/inbox/*`).
    """

    caller: str
    action: str
    resource: str
    statement: str
    allowed: bool


@dataclass(frozen=True, slots=True)
class RolePolicy:
    """A policy of a role in the template. `owner` is the role's logical id."""

    role: str
    owner: str
    name: str
    document: str


_UPSERT: Mapping[type, str] = {
    CallRecord: "INSERT INTO calls VALUES (?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET count = count + excluded.count",
    DecisionRecord: "INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET count = count + excluded.count",
}


class Ledger:
    """The ledger of one local cloud, in a SQLite file. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        """Open or create the ledger in `folder`. `start` begins to write counts."""
        self._database = Database(folder / LEDGER_FILE, _SCHEMA)
        self._guard = threading.Lock()
        self._pending: Counter[CallRecord | DecisionRecord] = Counter()
        self._known: set[CallRecord | DecisionRecord] = set()
        self._stopping = threading.Event()
        self._thread: SupervisedThread | None = None

    def start(self) -> None:
        """Start the thread that writes counts."""
        self._thread = SupervisedThread("iam-ledger", self._run)
        self._thread.start()

    def stop(self) -> None:
        """Write all counts and close the file."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(5)
        self.flush()
        self._database.close()

    def record(self, entries: Iterable[CallRecord | DecisionRecord]) -> None:
        """Count each entry once more; an entry that is new is in the file on return."""
        with self._guard:
            has_new = False
            for entry in entries:
                self._pending[entry] += 1
                has_new = has_new or entry not in self._known
        if has_new:
            self.flush()

    def flush(self) -> None:
        """Write all pending counts."""
        with self._guard, self._database.transaction() as connection:
            for entry, count in self._pending.items():
                connection.execute(_UPSERT[type(entry)], (*_columns(entry), count))
            self._known |= self._pending.keys()
            self._pending.clear()

    def replace_role_policies(self, grants: Iterable[RolePolicy]) -> None:
        """Store the policies of the template's roles, replacing those of an earlier template."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM grants")
            connection.executemany(
                "INSERT INTO grants VALUES (?, ?, ?, ?)",
                [(each.role, each.owner, each.name, each.document) for each in grants],
            )

    def _run(self) -> None:
        while not self._stopping.wait(_FLUSH_S):
            self.flush()


def _columns(entry: CallRecord | DecisionRecord) -> tuple[object, ...]:
    if isinstance(entry, CallRecord):
        return (entry.caller, entry.service, entry.operation)
    return (entry.caller, entry.action, entry.resource, entry.statement, int(entry.allowed))


@dataclass(frozen=True, slots=True)
class LedgerContent:
    """The content of a ledger file."""

    calls: Mapping[CallRecord, int]
    decisions: Mapping[DecisionRecord, int]
    role_policies: tuple[RolePolicy, ...]


def read_ledger(file: Path) -> LedgerContent:
    """Read a ledger file, also one that a killed process left."""
    database = Database(file, _SCHEMA)
    try:
        calls = {
            CallRecord(row[0], row[1], row[2]): row[3]
            for row in database.read("SELECT * FROM calls")
        }
        decisions = {
            DecisionRecord(row[0], row[1], row[2], row[3], bool(row[4])): row[5]
            for row in database.read("SELECT * FROM decisions")
        }
        grants = tuple(RolePolicy(*row) for row in database.read("SELECT * FROM grants"))
    finally:
        database.close()
    return LedgerContent(calls, decisions, grants)
