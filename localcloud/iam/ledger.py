"""What was decided, with counts: who called what, and by which statement it was allowed.

What is new is written at once, counts a little later: a kill loses at most a moment's counts, and
nothing of who did what.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from localcloud.database import Database

FILE = "ledger.sqlite3"
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
class Call:
    """A call as such. `caller` is a role's ARN, a service's name or `administrator`."""

    caller: str
    service: str
    operation: str


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision. `resource` is the pattern of the statement that decided; without one, the kind
    of thing that was asked for (`…/inbox/*`).
    """

    caller: str
    action: str
    resource: str
    statement: str
    allowed: bool


@dataclass(frozen=True, slots=True)
class Granted:
    """A policy of a role of the template. `owner` is the role's logical id."""

    role: str
    owner: str
    name: str
    document: str


_UPSERT: Mapping[type, str] = {
    Call: "INSERT INTO calls VALUES (?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET count = count + excluded.count",
    Decided: "INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET count = count + excluded.count",
}


class Ledger:
    """The book of one local cloud; safe from any thread."""

    def __init__(self, folder: Path) -> None:
        """Open or begin the book in `folder`; nothing is written by itself before `start`."""
        self._database = Database(folder / FILE, _SCHEMA)
        self._guard = threading.Lock()
        self._pending: Counter[Call | Decided] = Counter()
        self._known: set[Call | Decided] = set()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write counts as they grow."""
        self._thread = threading.Thread(target=self._run, name="iam-ledger", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what is counted and close the book."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        self.flush()
        self._database.close()

    def count(self, entries: Iterable[Call | Decided]) -> None:
        """Count each of `entries` once more; the first time, it is in the file on return."""
        with self._guard:
            fresh = False
            for entry in entries:
                self._pending[entry] += 1
                fresh = fresh or entry not in self._known
        if fresh:
            self.flush()

    def flush(self) -> None:
        """Write all that is counted."""
        with self._guard, self._database.transaction() as connection:
            for entry, count in self._pending.items():
                connection.execute(_UPSERT[type(entry)], (*_columns(entry), count))
            self._known |= self._pending.keys()
            self._pending.clear()

    def keep_grants(self, grants: Iterable[Granted]) -> None:
        """Keep what the template grants, in place of what an earlier one did."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM grants")
            connection.executemany(
                "INSERT INTO grants VALUES (?, ?, ?, ?)",
                [(each.role, each.owner, each.name, each.document) for each in grants],
            )

    def _run(self) -> None:
        while not self._stopping.wait(_FLUSH_S):
            self.flush()


def _columns(entry: Call | Decided) -> tuple[object, ...]:
    if isinstance(entry, Call):
        return (entry.caller, entry.service, entry.operation)
    return (entry.caller, entry.action, entry.resource, entry.statement, int(entry.allowed))


@dataclass(frozen=True, slots=True)
class Book:
    """What a ledger says."""

    calls: Mapping[Call, int]
    decisions: Mapping[Decided, int]
    grants: tuple[Granted, ...]


def read(file: Path) -> Book:
    """Return what the ledger `file` says, also one that a killed process left."""
    database = Database(file, _SCHEMA)
    try:
        calls = {
            Call(row[0], row[1], row[2]): row[3] for row in database.read("SELECT * FROM calls")
        }
        decisions = {
            Decided(row[0], row[1], row[2], row[3], bool(row[4])): row[5]
            for row in database.read("SELECT * FROM decisions")
        }
        grants = tuple(Granted(*row) for row in database.read("SELECT * FROM grants"))
    finally:
        database.close()
    return Book(calls, decisions, grants)
