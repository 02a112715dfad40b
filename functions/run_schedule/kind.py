"""The interface of a kind of scheduled work: a class that does the steps of its runs.

A step may be repeated or cut off at any point. A kind therefore derives the names of all that it
writes from the run, and what it has written before it finds there again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

from chalicelib.batches.storage import ItemObjects
from chalicelib.contracts.jobs import JobCounts, JobEnd
from chalicelib.contracts.objects import LargeObjects
from chalicelib.contracts.schedule_runs import RunCheckpoint, RunOrder
from chalicelib.contracts.schedules import AnyWork
from chalicelib.jobs.lifecycle import JobState, ResultFile

if TYPE_CHECKING:
    from chalicelib.budgets.ledger import LedgerStore
    from chalicelib.contracts.budgets import BudgetReport
    from chalicelib.contracts.schedule_places import SearchSource
    from chalicelib.jobs.receipts import UnitCost
    from chalicelib.labelling.extractor_terms import SavedExtractors
    from functions.run_schedule.children import ChildJobs
    from functions.run_schedule.destinations import GrantedLocations, Transfers
    from functions.run_schedule.extraction import KnownExtractions
    from functions.run_schedule.prompt_use import LookUp
    from functions.run_schedule.selection import SelectableDocuments
    from functions.run_schedule.watch import WatchDeps


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a schedule, as one of its steps sees it.

    `work` is what `order` asks for; `is_late` tells whether the step has used up its time.
    """

    order: RunOrder
    work: AnyWork
    state: JobState
    now: datetime
    is_late: Callable[[], bool] = lambda: False

    @property
    def tenant(self) -> str:
        """Return the tenant that the run acts as."""
        return self.state.input.tenant

    @property
    def job_id(self) -> str:
        """Return the id of the run, which is that of its job."""
        return self.state.input.job_id

    @property
    def bucket(self) -> str:
        """Return the bucket of the stage."""
        return self.state.input.bucket

    @property
    def correlation_id(self) -> str:
        """Return the id that the run's logs and events carry."""
        return self.state.input.correlation_id

    @property
    def prefix(self) -> str:
        """Return the prefix of the run's own objects, which are kept for seven days."""
        return self.state.prefix


@dataclass(frozen=True, slots=True)
class RunStep:
    """The result of a step of a run: where it is now, and what comes next.

    `end` is set by the last step; a run that fails raises the error that its record then names.
    `seconds` is the rest before the next step, if that is `wait`. `files` are the results that lie
    under the run's prefix.
    """

    checkpoint: RunCheckpoint
    counts: JobCounts
    next: Literal["more", "wait"] = "more"
    seconds: int = 0
    end: JobEnd | None = None
    files: tuple[ResultFile, ...] = ()


class RunKind(Protocol):
    """Does the work of the runs of one kind."""

    def step(self, run: Run, place: RunCheckpoint) -> RunStep:
        """Do the next step of a run.

        Raises:
            HeadraceError: the run fails by it, unless it is one that a repeat may mend.
        """

    def cancel(self, run: Run, place: RunCheckpoint) -> int | None:
        """Clean up after a run that was cancelled; return after how many seconds to call again."""


class RunObjects(LargeObjects, ItemObjects, Protocol):
    """The bucket of the stage."""


@dataclass(frozen=True, slots=True)
class RunDeps:
    """Collaborators of the kinds: jobs that they start, objects, and records that they read.

    `look_up` returns a version of a prompt, `search` the ids of the documents that a search finds,
    the best first, `budgets` what is left of a tenant's limits, and `cost` the price of a unit.
    `watching` returns what looks at captured calls.
    """

    children: ChildJobs
    objects: RunObjects
    transfers: Transfers
    documents: SelectableDocuments
    extractors: SavedExtractors
    extractions: KnownExtractions
    locations: GrantedLocations
    ledger: LedgerStore
    max_file_bytes: int
    look_up: LookUp
    search: Callable[[Run, SearchSource], Sequence[str]]
    budgets: Callable[[str, datetime], BudgetReport]
    cost: UnitCost
    watching: Callable[[], WatchDeps]
