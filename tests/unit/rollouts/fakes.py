"""Rollouts kept in memory, with the conditions of the table, and what surrounds them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.contracts.events import BusEvent
from chalicelib.contracts.rollouts import (
    CallMetrics,
    LiveChoice,
    LivePointer,
    RolloutStop,
    ShadowObservation,
    Subject,
)
from chalicelib.errors import Conflict, NotFound, Transient
from chalicelib.rollouts.records import RolloutState
from chalicelib.rollouts.transitions import ObservedCalls


@dataclass
class FakeRollouts:
    """`fails` counts the changes that are lost to others from now on."""

    kept: dict[tuple[str, str], RolloutState] = field(default_factory=dict)
    pointers: dict[tuple[str, str], LivePointer] = field(default_factory=dict)
    choices: dict[tuple[str, str], LiveChoice] = field(default_factory=dict)
    stops: dict[tuple[str, str], RolloutStop] = field(default_factory=dict)
    observations: dict[tuple[str, str, str], ShadowObservation] = field(default_factory=dict)
    fails: int = 0

    def state(self, tenant: str, rollout_id: str) -> RolloutState | None:
        return self.kept.get((tenant, rollout_id))

    def states(self, tenant: str, after: str) -> Iterator[RolloutState]:
        for (owner, name), state in sorted(self.kept.items(), reverse=True):
            if owner == tenant and (not after or name < after):
                yield state

    def create(self, state: RolloutState, pointer: LivePointer) -> None:
        if (state.tenant, pointer.subject.key) in self.pointers:
            raise Conflict("A rollout of the subject runs.", field="subject")
        self.kept[state.tenant, state.rollout.rollout_id] = state
        self.pointers[state.tenant, pointer.subject.key] = pointer

    def change(
        self, after: RolloutState, pointer: LivePointer | None, choice: LiveChoice | None = None
    ) -> bool:
        key = (after.tenant, after.rollout.rollout_id)
        if self.fails or self.kept[key].revision != after.revision - 1:
            self.fails = max(0, self.fails - 1)
            return False
        self.kept[key] = after
        subject = (after.tenant, after.rollout.subject.key)
        if pointer is None:
            del self.pointers[subject]
        else:
            self.pointers[subject] = pointer
        if choice is not None:
            self.choices[after.tenant, choice.subject.key] = choice
        return True

    def pointer(self, tenant: str, subject: Subject) -> LivePointer | None:
        return self.pointers.get((tenant, subject.key))

    def choice(self, tenant: str, subject: Subject) -> LiveChoice | None:
        return self.choices.get((tenant, subject.key))

    def stop(self, tenant: str, rollout_id: str) -> RolloutStop | None:
        return self.stops.get((tenant, rollout_id))

    def put(self, stop: RolloutStop) -> None:
        self.stops.setdefault((stop.tenant, stop.rollout_id), stop)

    def observation(self, tenant: str, rollout_id: str, call_id: str) -> ShadowObservation | None:
        return self.observations.get((tenant, rollout_id, call_id))

    def put_observation(self, tenant: str, rollout_id: str, observation: ShadowObservation) -> None:
        key = (tenant, rollout_id, observation.metrics.call_id)
        self.observations.setdefault(key, observation)


@dataclass
class FakeSubject:
    """A subject whose version is `now_live`; `rejected` are refused, and `unknown` not there."""

    now_live: str = "3"
    rejected: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    promotions: list[str] = field(default_factory=list)
    points: bool = True

    def live(self, tenant: str, subject: Subject) -> str:
        return self.now_live

    def check(self, tenant: str, subject: Subject, version: str) -> None:
        if version in self.unknown:
            raise NotFound(f"There is no version {version}.", field="version")
        if version in self.rejected:
            raise Conflict(f"Version {version} did not pass.", field="to")

    def promote(self, tenant: str, subject: Subject, version: str) -> bool:
        self.check(tenant, subject, version)
        self.promotions.append(version)
        if self.points:
            self.now_live = version
        return self.points


@dataclass
class FakeCalls:
    """Calls that come between two looks; each is looked at once, by its number."""

    calls: list[CallMetrics] = field(default_factory=list)
    smoke: str | None = ""

    def since(self, state: RolloutState, now: datetime) -> ObservedCalls:
        new = tuple(call for call in self.calls if call.call_id > state.cursor)
        return ObservedCalls(new, max((call.call_id for call in new), default=state.cursor))

    def smoke_failure(self, state: RolloutState) -> str | None:
        return self.smoke


@dataclass
class FakeBus:
    """Keeps what it is told; `fails` counts the events that it does not take from now on."""

    events: list[BusEvent] = field(default_factory=list)
    fails: int = 0

    def publish(self, event: BusEvent) -> None:
        if self.fails:
            self.fails -= 1
            raise Transient("The bus refused an event.")
        self.events.append(event)

    @property
    def types(self) -> list[str]:
        return [event.detail_type for event in self.events]
