"""Rollouts kept in memory, with the conditions of the table, and what surrounds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.contracts.events import BusEvent
from chalicelib.contracts.rollouts import (
    CallMetrics,
    LiveChoice,
    LivePointer,
    RolloutStop,
    RolloutView,
    ShadowObservation,
    Subject,
)
from chalicelib.errors import Conflict, HeadraceError, NotFound, Transient
from chalicelib.rollouts.endpoint_weights import EndpointTraffic
from chalicelib.rollouts.records import PromotedVersion, RolloutState
from chalicelib.rollouts.transitions import ObservedCalls
from tests.unit.prompts.fakes import FakePrompts


@dataclass
class FakeRollouts:
    """`fails` counts the changes that are lost to others from now on.

    `promotions` lists the versions that went live, by a choice or by a label of `prompts`.
    """

    kept: dict[tuple[str, str], RolloutState] = field(default_factory=dict)
    pointers: dict[tuple[str, str], LivePointer] = field(default_factory=dict)
    choices: dict[tuple[str, str], LiveChoice] = field(default_factory=dict)
    stops: dict[tuple[str, str], RolloutStop] = field(default_factory=dict)
    observations: dict[tuple[str, str, str], ShadowObservation] = field(default_factory=dict)
    prompts: FakePrompts = field(default_factory=FakePrompts)
    promotions: list[str] = field(default_factory=list)
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
        self,
        after: RolloutState,
        pointer: LivePointer | None,
        promoted: PromotedVersion | None = None,
    ) -> bool:
        key = (after.tenant, after.rollout.rollout_id)
        if self.fails or self.kept[key].revision != after.revision - 1:
            self.fails = max(0, self.fails - 1)
            return False
        if promoted is not None and not self._promote(after, promoted):
            return False
        self.kept[key] = after
        subject = (after.tenant, after.rollout.subject.key)
        if pointer is None:
            del self.pointers[subject]
        else:
            self.pointers[subject] = pointer
        return True

    def _promote(self, after: RolloutState, promoted: PromotedVersion) -> bool:
        if (after.tenant, after.rollout.rollout_id) in self.stops:
            return False
        if isinstance(promoted, LiveChoice):
            self.choices[after.tenant, promoted.subject.key] = promoted
        elif not self.prompts.change(after.tenant, promoted.before, promoted.change):
            return False
        self.promotions.append(after.rollout.to)
        return True

    def mark_told(self, state: RolloutState) -> None:
        key = (state.tenant, state.rollout.rollout_id)
        if self.kept[key].revision == state.revision:
            told = {"untold": "", "revision": state.revision + 1}
            self.kept[key] = state.model_copy(update=told)

    def annotate(self, after: RolloutState) -> bool:
        key = (after.tenant, after.rollout.rollout_id)
        if self.kept[key].revision != after.revision - 1:
            return False
        self.kept[key] = after
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
class FakeEndpoint:
    """An endpoint by its variants' weights, at once in service with new ones.

    `errors` are raised by the next calls; `moves` are the weights that were set.
    """

    weights: dict[str, float] = field(default_factory=lambda: {"main": 1.0, "next": 0.0})
    status: str = "InService"
    errors: list[HeadraceError] = field(default_factory=list)
    moves: list[dict[str, float]] = field(default_factory=list)

    def traffic(self, endpoint: str) -> EndpointTraffic:
        self._fail()
        return EndpointTraffic(self.status, dict(self.weights))

    def set_weights(self, endpoint: str, weights: Mapping[str, float]) -> None:
        self._fail()
        self.weights |= weights
        self.moves.append(dict(weights))

    def _fail(self) -> None:
        if self.errors:
            raise self.errors.pop(0)


@dataclass
class FakeSubject:
    """A subject whose version is `now_live`; `rejected` are refused, and `unknown` not there."""

    now_live: str = "3"
    rejected: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def live(self, tenant: str, subject: Subject) -> str:
        return self.now_live

    def check(self, tenant: str, subject: Subject, version: str) -> None:
        if version in self.unknown:
            raise NotFound(f"There is no version {version}.", field="version")
        if version in self.rejected:
            raise Conflict(f"Version {version} did not pass.", field="to")

    def promoted(self, tenant: str, rollout: RolloutView, now: datetime) -> PromotedVersion:
        subject, version = rollout.subject, rollout.to
        self.check(tenant, subject, version)
        return LiveChoice(
            subject=subject, version=version, rollout_id=rollout.rollout_id, since=now
        )


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
