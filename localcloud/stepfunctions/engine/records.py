"""Records of an execution: its status, branches, history events, outcome and identity.

A branch is one line of control: the execution's own, a branch of a Parallel, or an iteration
of an inline Map. It is always at one state, in one phase. A commit stores this position with
the history events that led to it, and a restart continues from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from localcloud.stepfunctions.language.values import Json, JsonObject

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

MAP_RUN = "mapRun"
"""The `resource` of an abandoned Map Run."""


WorkflowType: TypeAlias = Literal["STANDARD", "EXPRESS"]


class ExecutionStatus(StrEnum):
    """The status of an execution, as DescribeExecution returns it."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    ABORTED = "ABORTED"
    PENDING_REDRIVE = "PENDING_REDRIVE"


class BranchPhase(StrEnum):
    """The phase of a branch at its state."""

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


def fields_of(record: DataclassInstance) -> dict[str, Any]:
    """Return the fields of a record by name, without a copy of their values."""
    return {one.name: getattr(record, one.name) for one in fields(record)}


@dataclass(slots=True)
class Branch:
    """One line of control.

    `index` is that of the branch or iteration, `item` the `Map.Item` of the context object.
    `previous` is the id of the event that the next one follows, `entered` that of the state's
    entry, and `before` that of the event before it. `counts` are the retries made per retrier,
    and `retries` all of them. `ticket` grows
    with each phase, so that late signals are recognised. `data` belongs to the phase.
    """

    id: int
    parent: int | None
    index: int
    state: str
    input: Json
    phase: BranchPhase = BranchPhase.ENTER
    previous: int = 0
    entered: int = 0
    before: int = 0
    entered_at: float = 0.0
    counts: list[int] = field(default_factory=list)
    retries: int = 0
    ticket: int = 0
    variables: dict[str, Json] = field(default_factory=dict)
    item: JsonObject | None = None
    data: JsonObject = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        """Return the branch as plain JSON, which shares its values with it."""
        return fields_of(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Json]) -> Branch:
        """Return the branch that `to_json` wrote."""
        given = dict(stored)
        given["phase"] = BranchPhase(str(given["phase"]))
        return cls(**given)  # type: ignore[arg-type]  # what `dump` wrote has these types

    def enter_phase(self, phase: BranchPhase, data: JsonObject | None = None) -> None:
        """Enter `phase`; signals for the former phase are late from now on."""
        self.phase = phase
        self.ticket += 1
        self.data = data if data is not None else {}


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One history event; `details` is the content of its `…EventDetails` member, or None."""

    id: int
    previous: int
    at: float
    type: str
    details: JsonObject | None


@dataclass(slots=True)
class ExecutionOutcome:
    """How an execution ended."""

    status: ExecutionStatus
    output: Json = None
    error: str | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class ExecutionIdentity:
    """The constant properties of an execution. Times are epoch seconds.

    `machine_path` leads from the whole definition to the states that run: empty, or the keys
    of a distributed Map whose item processor it is. StartSyncExecution makes it synchronous.
    `version_arn` and `alias_arn` are those of the version and the alias that were started, if
    they were.
    """

    arn: str
    name: str
    machine_arn: str
    machine_name: str
    role_arn: str
    kind: WorkflowType
    input: Json
    started: float
    revision: int
    machine_path: tuple[str | int, ...] = ()
    map_run_arn: str | None = None
    item_index: int | None = None
    item_count: int | None = None
    timeout_seconds: float | None = None
    is_synchronous: bool = False
    version_arn: str | None = None
    alias_arn: str | None = None


@dataclass(frozen=True, slots=True)
class AbandonedWork:
    """Work that continues elsewhere and is no longer wanted: a job, or a Map Run."""

    resource: str
    job: Json


@dataclass(slots=True)
class UncommittedChanges:
    """The changes of an execution since its last commit."""

    events: list[HistoryEvent] = field(default_factory=list)
    branches: dict[int, Branch] = field(default_factory=dict)
    removed: set[int] = field(default_factory=set)
    tokens: list[tuple[str, int]] = field(default_factory=list)
    activity_tasks: list[tuple[str, str, str]] = field(default_factory=list)
    status_changed: bool = False

    def __bool__(self) -> bool:
        return bool(self.events or self.branches or self.removed or self.status_changed)
