"""An execution in memory: its strands and what has changed since the last commit.

A strand is one line of control: the execution's own, a branch of a Parallel or an iteration
of an inline Map. It is always at one state, in one phase; that position, with the history
events that led to it, is what a commit stores and what a restart goes on from.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal, TypeAlias

from localcloud.stepfunctions.engine.errands import Errand
from localcloud.stepfunctions.language import timestamps
from localcloud.stepfunctions.language.states import (
    Machine,
    Map,
    Parallel,
    State,
    Task,
)
from localcloud.stepfunctions.language.values import Json, JsonObject
from localcloud.stepfunctions.language.variables import Scope

MAP_RUN = "mapRun"
"""The resource of an abandoned Map Run."""

Kind: TypeAlias = Literal["STANDARD", "EXPRESS"]


class Status(StrEnum):
    """How an execution stands, as DescribeExecution says it."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    ABORTED = "ABORTED"
    PENDING_REDRIVE = "PENDING_REDRIVE"


class Phase(StrEnum):
    """What a strand does in its state."""

    ENTER = "enter"
    """The state is next; nothing of it is recorded yet."""
    AGAIN = "again"
    """The state was entered before and is tried anew: a redrive."""
    SCHEDULED = "scheduled"
    """A task is recorded as scheduled; its call has not begun."""
    CALLED = "called"
    """A task's call has begun; its answer is not recorded."""
    SUBMITTED = "submitted"
    """The call is answered; a token or a job is waited for."""
    RETRYING = "retrying"
    WAITING = "waiting"
    """A Wait state, until `data["due"]`."""
    SPLIT = "split"
    """Branches or iterations are running."""
    MAPPING = "mapping"
    """A distributed Map's run is under way."""
    DONE = "done"
    """A branch or iteration that has succeeded; `data["output"]` is its output."""


@dataclass(slots=True)
class Strand:
    """One line of control.

    `index` is that of the branch or iteration, `item` the `Map.Item` of the context object.
    `previous` is the id of the event that the next one follows, `entered` that of the state's
    entry. `counts` are the retries made, one a retrier, and `retries` all of them. `ticket`
    grows with each phase, so that what comes late is known. `data` is the phase's own.
    """

    id: int
    parent: int | None
    index: int
    state: str
    input: Json
    phase: Phase = Phase.ENTER
    previous: int = 0
    entered: int = 0
    entered_at: float = 0.0
    counts: list[int] = field(default_factory=list)
    retries: int = 0
    ticket: int = 0
    variables: dict[str, Json] = field(default_factory=dict)
    item: JsonObject | None = None
    data: JsonObject = field(default_factory=dict)

    def dump(self) -> JsonObject:
        """Return the strand as plain JSON."""
        return asdict(self)

    @classmethod
    def load(cls, stored: Mapping[str, Json]) -> Strand:
        """Return the strand that `dump` gave."""
        fields = dict(stored)
        fields["phase"] = Phase(str(fields["phase"]))
        return cls(**fields)  # type: ignore[arg-type]  # what `dump` wrote has these types

    def move(self, phase: Phase, data: JsonObject | None = None) -> None:
        """Go to `phase`; what was under way for the former one is late from now on."""
        self.phase = phase
        self.ticket += 1
        self.data = data if data is not None else {}


@dataclass(frozen=True, slots=True)
class Event:
    """One history event; `details` is what its `…EventDetails` member holds, None if absent."""

    id: int
    previous: int
    at: float
    type: str
    details: JsonObject | None


@dataclass(slots=True)
class Ending:
    """How an execution ended."""

    status: Status
    output: Json = None
    error: str | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """What does not change about an execution. Times are epoch seconds.

    `machine_path` leads from the whole definition to the machine that runs: empty, or the
    keys of a distributed Map whose item processor it is.
    """

    arn: str
    name: str
    machine_arn: str
    machine_name: str
    role_arn: str
    kind: Kind
    input: Json
    started: float
    revision: int
    machine_path: tuple[str | int, ...] = ()
    map_run_arn: str | None = None
    item_index: int | None = None
    item_count: int | None = None
    timeout_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Abandoned:
    """Work that goes on elsewhere and is no longer wanted: a job, or a Map Run."""

    resource: str
    job: Json


@dataclass(slots=True)
class Changes:
    """What a commit has to store."""

    events: list[Event] = field(default_factory=list)
    strands: dict[int, Strand] = field(default_factory=dict)
    removed: set[int] = field(default_factory=set)
    tokens: list[tuple[str, int]] = field(default_factory=list)
    status_changed: bool = False

    def __bool__(self) -> bool:
        return bool(self.events or self.strands or self.removed or self.status_changed)


class Run:
    """A running execution. Whoever reads or changes it holds `lock`."""

    def __init__(self, identity: Identity, machine: Machine, next_event: int = 1) -> None:
        self.identity = identity
        self.machine = machine
        self.lock = threading.RLock()
        self.strands: dict[int, Strand] = {}
        self.children: dict[int, dict[int, Strand]] = {}
        self.ready: deque[int] = deque()
        self.next_event = next_event
        self.next_strand = 0
        self.changes = Changes()
        self.woken: dict[int, Strand] = {}
        self.sent: list[tuple[Strand, Errand]] = []
        self.abandoned: list[Abandoned] = []
        self.status = Status.RUNNING
        self.ending: Ending | None = None
        self.stopped: float | None = None
        self.redrive_count = 0
        self.redriven: float | None = None
        self.deadline: float | None = None

    def add(self, strand: Strand) -> None:
        """Take in a strand that was stored."""
        self.strands[strand.id] = strand
        self.next_strand = max(self.next_strand, strand.id + 1)
        if strand.parent is not None:
            self.children.setdefault(strand.parent, {})[strand.index] = strand

    def spawn(self, parent: Strand | None, index: int, start: str, value: Json) -> Strand:
        """Begin a strand at state `start`."""
        strand = Strand(
            id=self.next_strand,
            parent=None if parent is None else parent.id,
            index=index,
            state=start,
            input=value,
        )
        self.add(strand)
        self.touch(strand)
        self.ready.append(strand.id)
        return strand

    def touch(self, strand: Strand) -> None:
        """Note that `strand` has changed."""
        self.changes.strands[strand.id] = strand
        self.changes.removed.discard(strand.id)

    def wake(self, strand: Strand) -> None:
        """Note that `strand` waits for something that is to be set going after the commit."""
        self.touch(strand)
        self.woken[strand.id] = strand

    def send(self, strand: Strand, errand: Errand) -> None:
        """Have one more errand of a strand that waits set going after the commit."""
        self.touch(strand)
        self.sent.append((strand, errand))

    def prune(self, strand: Strand) -> None:
        """Remove every strand below `strand`."""
        for child in list(self.children.get(strand.id, {}).values()):
            self.prune(child)
            self.abandon(child)
            del self.strands[child.id]
            self.changes.strands.pop(child.id, None)
            self.woken.pop(child.id, None)
            self.changes.removed.add(child.id)
        self.children.pop(strand.id, None)

    def abandon(self, strand: Strand) -> None:
        """Note what `strand` has going on elsewhere, so that it can be stopped."""
        state = self.state_of(strand)
        if strand.phase is Phase.SUBMITTED and isinstance(state, Task) and "job" in strand.data:
            self.abandoned.append(Abandoned(state.resource, strand.data["job"]))
        elif strand.phase is Phase.MAPPING:
            self.abandoned.append(Abandoned(MAP_RUN, strand.data["map_run"]))

    def descendants(self, strand: Strand) -> list[Strand]:
        """Return the strands below `strand`, outer before inner, in order of their index."""
        found: list[Strand] = []
        for _, child in sorted(self.children.get(strand.id, {}).items()):
            found += [child, *self.descendants(child)]
        return found

    def machine_of(self, strand: Strand) -> Machine:
        """Return the machine that `strand` walks through."""
        if strand.parent is None:
            return self.machine
        holder = self.state_of(self.strands[strand.parent])
        if isinstance(holder, Parallel):
            return holder.branches[strand.index]
        if isinstance(holder, Map):
            return holder.item_processor
        raise LookupError(f"strand {strand.id} has no machine")

    def state_of(self, strand: Strand) -> State:
        """Return the state that `strand` is at."""
        return self.machine_of(strand).states[strand.state]

    def path_of(self, strand: Strand) -> tuple[str | int, ...]:
        """Return the keys that lead from the whole definition to the state of `strand`."""
        if strand.parent is None:
            return (*self.identity.machine_path, "States", strand.state)
        holder = self.strands[strand.parent]
        inside = self.state_of(holder)
        step = ("Branches", strand.index) if isinstance(inside, Parallel) else ("ItemProcessor",)
        return (*self.path_of(holder), *step, "States", strand.state)

    def scope_of(self, strand: Strand) -> Scope:
        """Return the variables that `strand` sees."""
        outer = None if strand.parent is None else self.scope_of(self.strands[strand.parent])
        return Scope(own=strand.variables, outer=outer)


def machine_at(machine: Machine, path: tuple[str | int, ...]) -> Machine:
    """Return the item processor of the Map that `path` leads to, or `machine` if it is empty."""
    here: Machine = machine
    keys = list(path)
    while keys:
        state = here.states[str(keys[1])]
        del keys[:2]
        if isinstance(state, Parallel):
            here = state.branches[int(keys[1])]
            del keys[:2]
        elif isinstance(state, Map):
            here = state.item_processor
            del keys[:1]
    return here


def iso(moment: float) -> str:
    """Return an epoch time as the context object writes it."""
    return timestamps.write(datetime.fromtimestamp(moment, UTC))
