"""Rollouts in the records table.

    TENANT#<tenant>   ROLLOUT#<id>               a rollout; expires 400 days after its end
    TENANT#<tenant>   LIVE#<kind>#<name>[@<label>]   who answers calls of a subject in a rollout
    TENANT#<tenant>   LIVE#CHOICE#<kind>#<name>  what a model or a retrieval was promoted to
    TENANT#<tenant>   SHADOW#<id>#<call id>      how the candidate answered; expires after 30 days
    STOP#<tenant>     <rollout id>               that a rollout's candidate gets no traffic

Pointers and choices begin alike, so that one query reads what decides who answers a tenant's calls.
Stops have partitions of their own: `dynamodb:LeadingKeys` lets a role write them and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

from chalicelib.adapters.dynamodb import (
    ConditionCheck,
    Delete,
    DynamoTable,
    Item,
    Key,
    Put,
    TransactionRefused,
    Value,
    Write,
    WriteCondition,
)
from chalicelib.adapters.records.prompts import change_writes
from chalicelib.adapters.records.writes import ABSENT, stop_pk, tenant_pk, tenant_stays
from chalicelib.contracts.rollouts import (
    LiveChoice,
    LivePointer,
    RolloutStop,
    ShadowObservation,
    Subject,
)
from chalicelib.errors import Conflict
from chalicelib.prompts.records import LabelMove
from chalicelib.rollouts.arms import LiveTraffic
from chalicelib.rollouts.records import (
    OBSERVATION_DAYS,
    ROLLOUT_DAYS,
    PromotedVersion,
    RolloutState,
)

_ROLLOUT = "ROLLOUT#"
_LIVE = "LIVE#"
_CHOICE = "LIVE#CHOICE#"


class RolloutTable:
    """Stores rollouts and the live pointers of their subjects, and reads stops."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def state(self, tenant: str, rollout_id: str) -> RolloutState | None:
        """Return a rollout, or None."""
        item = self._table.get(_rollout_key(tenant, rollout_id))
        return None if item is None else _state(item)

    def states(self, tenant: str, after: str) -> Iterator[RolloutState]:
        """Yield the tenant's rollouts, newest first, those before the id `after` ("" for all)."""
        start = _ROLLOUT + after if after else ""
        found = self._table.query(tenant_pk(tenant), _ROLLOUT, after=start, newest_first=True)
        for item in found:
            yield _state(item)

    def create(self, state: RolloutState, pointer: LivePointer) -> None:
        """Store a new rollout and the live pointer of its subject; all or nothing.

        Raises:
            Conflict: another rollout of the subject runs, or the tenant is being removed.
        """
        try:
            self._table.transact(
                [
                    Put(_state_item(state), ABSENT),
                    Put(_pointer_item(state.tenant, pointer), ABSENT),
                    tenant_stays(state.tenant),
                ]
            )
        except TransactionRefused as error:
            if 1 in error.refused:
                raise self._busy(state.tenant, pointer.subject) from error
            if 2 in error.refused:
                raise Conflict(
                    "The tenant is being removed; no rollout can begin.", field="tenant"
                ) from error
            raise Conflict("There is a rollout of this id.", field="rollout_id") from error

    def change(
        self,
        after: RolloutState,
        pointer: LivePointer | None,
        promoted: PromotedVersion | None = None,
    ) -> bool:
        """Store the state that follows revision `after.revision - 1`, and the pointer it wants."""
        same = WriteCondition("#revision = :revision", {":revision": after.revision - 1})
        own = WriteCondition("#rollout_id = :id", {":id": after.rollout.rollout_id})
        writes: list[Write] = [Put(_state_item(after), same)]
        if pointer is not None:
            writes.append(Put(_pointer_item(after.tenant, pointer), own))
        else:
            writes.append(Delete(_pointer_key(after.tenant, after.rollout.subject), own))
        if promoted is not None:
            stop = _stop_key(after.tenant, after.rollout.rollout_id)
            writes.append(ConditionCheck(stop, ABSENT))
        if isinstance(promoted, LabelMove):
            writes += change_writes(after.tenant, promoted.before, promoted.change)
        elif promoted is not None:
            writes.append(Put(_choice_item(after.tenant, promoted)))
        try:
            self._table.transact(writes)
        except TransactionRefused:
            return False
        return True

    def mark_told(self, state: RolloutState) -> None:
        """Note that the event of a state was published, unless the rollout has changed since."""
        told = state.model_copy(update={"untold": "", "revision": state.revision + 1})
        same = WriteCondition("#revision = :revision", {":revision": state.revision})
        with suppress(Conflict):
            self._table.put(Put(_state_item(told), same))

    def annotate(self, after: RolloutState) -> bool:
        """Store the state that follows revision `after.revision - 1`, and leave all pointers."""
        same = WriteCondition("#revision = :revision", {":revision": after.revision - 1})
        try:
            self._table.transact([Put(_state_item(after), same)])
        except TransactionRefused:
            return False
        return True

    def pointer(self, tenant: str, subject: Subject) -> LivePointer | None:
        """Return the live pointer of a subject, or None while no rollout of it runs."""
        item = self._table.get(_pointer_key(tenant, subject))
        return None if item is None else LivePointer.model_validate_json(item["pointer"])

    def live(self, tenant: str) -> LiveTraffic:
        """Return what decides who answers calls of a tenant: one query, and a read of the stop of
        each rollout that serves end users.
        """
        pointers: dict[str, LivePointer] = {}
        choices: dict[str, LiveChoice] = {}
        for item in self._table.query(tenant_pk(tenant), _LIVE):
            if item["sk"].startswith(_CHOICE):
                choice = LiveChoice.model_validate_json(item["choice"])
                choices[choice.subject.key] = choice
                continue
            pointer = LivePointer.model_validate_json(item["pointer"])
            if not pointer.share or self.stop(tenant, pointer.rollout_id) is None:
                pointers[pointer.subject.key] = pointer
        return LiveTraffic(pointers, choices)

    def choice(self, tenant: str, subject: Subject) -> LiveChoice | None:
        """Return what a model or a retrieval was promoted to, or None."""
        item = self._table.get((tenant_pk(tenant), _CHOICE + subject.key))
        return None if item is None else LiveChoice.model_validate_json(item["choice"])

    def stop(self, tenant: str, rollout_id: str) -> RolloutStop | None:
        """Return the stop of a rollout, or None."""
        item = self._table.get(_stop_key(tenant, rollout_id))
        return None if item is None else RolloutStop.model_validate_json(item["stop"])

    def observation(self, tenant: str, rollout_id: str, call_id: str) -> ShadowObservation | None:
        """Return how the candidate answered a captured call in the background, or None."""
        item = self._table.get(_observation_key(tenant, rollout_id, call_id))
        return None if item is None else ShadowObservation.model_validate_json(item["observation"])

    def put_observation(self, tenant: str, rollout_id: str, observation: ShadowObservation) -> None:
        """Store how the candidate answered a captured call; the first answer stays."""
        metrics = observation.metrics
        pk, sk = _observation_key(tenant, rollout_id, metrics.call_id)
        item: dict[str, Value] = {
            "pk": pk,
            "sk": sk,
            "observation": observation.model_dump_json(exclude_defaults=True),
            "expires_at": int((metrics.at + timedelta(days=OBSERVATION_DAYS)).timestamp()),
        }
        with suppress(Conflict):  # another execution of the same step was quicker
            self._table.put(Put(item, ABSENT))

    def _busy(self, tenant: str, subject: Subject) -> Conflict:
        other = self.pointer(tenant, subject)
        named = f"Rollout {other.rollout_id}" if other is not None else "Another rollout"
        return Conflict(
            f"{named} of {subject.name} runs; wait for its end, or abort it.",
            field="subject",
        )


class RolloutStops:
    """Writes stops, which is all that it takes to roll back."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def put(self, stop: RolloutStop) -> None:
        """Take the traffic from a candidate; the first stop of a rollout stays."""
        pk, sk = _stop_key(stop.tenant, stop.rollout_id)
        expires_at = int((stop.at + timedelta(days=ROLLOUT_DAYS)).timestamp())
        item: dict[str, Value] = {
            "pk": pk,
            "sk": sk,
            "stop": stop.model_dump_json(),
            "expires_at": expires_at,
        }
        with suppress(Conflict):  # it is stopped already
            self._table.put(Put(item, ABSENT))


def _rollout_key(tenant: str, rollout_id: str) -> Key:
    return tenant_pk(tenant), _ROLLOUT + rollout_id


def _pointer_key(tenant: str, subject: Subject) -> Key:
    return tenant_pk(tenant), _LIVE + subject.key


def _observation_key(tenant: str, rollout_id: str, call_id: str) -> Key:
    return tenant_pk(tenant), f"SHADOW#{rollout_id}#{call_id}"


def _stop_key(tenant: str, rollout_id: str) -> Key:
    return stop_pk(tenant), rollout_id


def _state_item(state: RolloutState) -> dict[str, Value]:
    pk, sk = _rollout_key(state.tenant, state.rollout.rollout_id)
    item: dict[str, Value] = {
        "pk": pk,
        "sk": sk,
        "state": state.model_dump_json(exclude={"revision"}),
        "revision": state.revision,
    }
    if state.rollout.ended_at is not None:
        gone = state.rollout.ended_at + timedelta(days=ROLLOUT_DAYS)
        item["expires_at"] = int(gone.timestamp())
    return item


def _state(item: Item) -> RolloutState:
    state = RolloutState.model_validate_json(item["state"])
    return state.model_copy(update={"revision": item["revision"]})


def _choice_item(tenant: str, choice: LiveChoice) -> dict[str, Value]:
    return {
        "pk": tenant_pk(tenant),
        "sk": _CHOICE + choice.subject.key,
        "choice": choice.model_dump_json(),
    }


def _pointer_item(tenant: str, pointer: LivePointer) -> dict[str, Value]:
    pk, sk = _pointer_key(tenant, pointer.subject)
    return {
        "pk": pk,
        "sk": sk,
        "rollout_id": pointer.rollout_id,
        "pointer": pointer.model_dump_json(),
    }
