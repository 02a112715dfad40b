"""One look at a rollout: calls are counted, and what follows from them is done.

A look may be repeated or cut off at any moment. Calls are counted behind a cursor that is written
with the counts, a state is written on condition of its revision and together with what it promotes,
and the first stop of a rollout stays. An event is told after what it tells of was written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

from chalicelib.contracts.rollout_steps import (
    RolledBack,
    RolloutAdvanced,
    RolloutEvent,
    RolloutPromoted,
    RolloutWaiting,
)
from chalicelib.contracts.rollouts import OPEN_ROLLOUT
from chalicelib.errors import Conflict, NotFound
from chalicelib.rollouts.decision import RolloutDecision, decide, next_look_seconds
from chalicelib.rollouts.endpoint_weights import is_settled, pause_seconds
from chalicelib.rollouts.state_writes import write_state
from chalicelib.rollouts.subjects import is_promoted, moved_by_hand
from chalicelib.rollouts.transitions import (
    begin_stage,
    count_calls,
    end_rollout,
    record_look,
)

if TYPE_CHECKING:
    from chalicelib.contracts.events import EventBus
    from chalicelib.contracts.rollouts import Stopper, SubjectKind
    from chalicelib.rollouts.records import PromotedVersion, RolloutRecords, RolloutState
    from chalicelib.rollouts.rollout_weights import RolloutWeights
    from chalicelib.rollouts.subjects import SubjectVersions
    from chalicelib.rollouts.transitions import ObservedCalls


class RolloutCalls(Protocol):
    """The calls of a rollout's subject, and answers of its candidate in the background."""

    def since(self, state: RolloutState, now: datetime) -> ObservedCalls:
        """Return the calls behind the state's cursor, of both arms."""

    def smoke_failure(self, state: RolloutState) -> str | None:
        """Return why the candidate failed a smoke request, "" if it passed all, None before."""


@dataclass(frozen=True, slots=True)
class NextLook:
    """What is to happen before the next look at a rollout.

    `shadow` has the candidate answer in the background after `seconds`; `stop` takes its traffic.
    `approve` waits for `seconds` like `wait`, but for less once a person decides or stops it.
    """

    action: Literal["wait", "shadow", "approve", "stop", "ended"]
    state: RolloutState
    seconds: int = 0
    reason: str = ""
    stopper: Stopper | None = None


@dataclass(frozen=True, slots=True)
class RolloutAdvance:
    """Looks at rollouts, of `records`, and does what follows."""

    records: RolloutRecords
    subjects: Mapping[SubjectKind, SubjectVersions]
    calls: RolloutCalls
    weights: RolloutWeights
    bus: EventBus
    now: Callable[[], datetime]

    def look(self, state: RolloutState) -> NextLook:
        """Look at a rollout once.

        Raises:
            Transient: the rollout was changed meanwhile; look again.
        """
        state = tell(self.records, self.bus, state)
        rollout = state.rollout
        if rollout.status not in OPEN_ROLLOUT:
            return self._ended(state)
        stopped = self._stopped(state)
        if stopped is not None:
            return stopped
        moved = moved_by_hand(self.subjects, state.tenant, rollout.subject, rollout.live)
        if moved:
            if is_promoted(self.subjects, state):
                return self._promoted_by_hand(state)
            return NextLook("stop", state, reason=moved, stopper="person")
        state, broken = self.weights.follow(state)
        if broken:
            return NextLook("stop", state, reason=broken, stopper="failure")
        if rollout.status == "preparing":
            return self._prepare(state)
        return self._count(state)

    def _prepare(self, state: RolloutState) -> NextLook:
        weights = state.rollout.weights
        if weights is not None and weights.is_pending:
            return NextLook("wait", state, seconds=pause_seconds(weights))
        failure = self.calls.smoke_failure(state) if state.rollout.smoke else ""
        if failure is None:
            return NextLook("shadow", state)
        if failure:
            return NextLook("stop", state, reason=failure, stopper="smoke")
        return self._begin(state, 0)

    def _count(self, state: RolloutState) -> NextLook:
        now = self.now()
        observed = self.calls.since(state, now)
        counted = count_calls(state, observed, now)
        decision = _once_weights_follow(state, decide(counted, now))
        looked = record_look(counted, observed, decision, now)
        match decision.action:
            case "advance":
                return self._begin(looked, state.rollout.stage + 1)
            case "promote":
                return self._promote(looked)
            case "roll_back":
                after = self._written(state, looked)
                return NextLook("stop", after, reason=decision.reason, stopper="guard")
            case "ask":
                return self._ask(state, looked, decision.reason)
            case "watch":
                return self._rest(self._written(state, looked), at_once=observed.has_more)

    def _begin(self, state: RolloutState, stage: int) -> NextLook:
        begun = begin_stage(state, stage, self.now())
        after, broken = self.weights.follow(self._written(state, begun, RolloutAdvanced))
        if broken:
            return NextLook("stop", after, reason=broken, stopper="failure")
        return self._rest(after)

    def _stopped(self, state: RolloutState) -> NextLook | None:
        """Roll back a rollout that was stopped; None if nobody stopped it.

        A stop that comes after the candidate was made live by hand is too late.
        """
        stop = self.records.stop(state.tenant, state.rollout.rollout_id)
        if stop is None:
            return None
        if is_promoted(self.subjects, state):
            return self._promoted_by_hand(state)
        return self._ended(roll_back(self.records, self.bus, state, stop.reason, self.now()))

    def _promote(self, state: RolloutState) -> NextLook:
        """Make the candidate live and end the rollout, in one write, unless it was stopped."""
        rollout, now = state.rollout, self.now()
        try:
            promoted = self.subjects[rollout.subject.kind].promoted(state.tenant, rollout, now)
        except (Conflict, NotFound) as error:
            return NextLook("stop", state, reason=error.message, stopper="guard")
        after = end_rollout(state, "promoted", "Every stage has passed.", now)
        return self._ended(self._written(state, after, RolloutPromoted, promoted))

    def _promoted_by_hand(self, state: RolloutState) -> NextLook:
        reason = f"Version {state.rollout.to} was made live by hand in the last stage."
        after = end_rollout(state, "promoted", reason, self.now())
        return self._ended(self._written(state, after, RolloutPromoted))

    def _ended(self, state: RolloutState) -> NextLook:
        """Have the weights of an endpoint follow a rollout that has ended."""
        after = self.weights.settle(state)
        weights = after.rollout.weights
        if weights is None or is_settled(after.rollout):
            return NextLook("ended", after)
        return NextLook("wait", after, seconds=pause_seconds(weights))

    def _ask(self, before: RolloutState, looked: RolloutState, why: str) -> NextLook:
        is_new = before.rollout.status != "waiting"
        written = self._written(before, looked, RolloutWaiting if is_new else None)
        seconds = next_look_seconds(written, self.now())
        return NextLook("approve", written, seconds=seconds, reason=why)

    def _rest(self, state: RolloutState, *, at_once: bool = False) -> NextLook:
        weights = state.rollout.weights
        seconds = 0 if at_once else next_look_seconds(state, self.now())
        if state.rollout.stages[state.rollout.stage].shadow:
            return NextLook("shadow", state, seconds=seconds)
        if weights is None or not seconds:
            return NextLook("wait", state, seconds=seconds)
        # Who stops the rollout wakes it, so that the endpoint's weights follow within seconds.
        if weights.is_pending:
            seconds = min(seconds, pause_seconds(weights))
        return NextLook("approve", state, seconds=seconds)

    def _written(
        self,
        before: RolloutState,
        after: RolloutState,
        event: type[RolloutEvent] | None = None,
        promoted: PromotedVersion | None = None,
    ) -> RolloutState:
        untold = after.model_copy(update={"untold": event.detail_type if event else ""})
        return tell(self.records, self.bus, write_state(self.records, before, untold, promoted))


def _once_weights_follow(state: RolloutState, decision: RolloutDecision) -> RolloutDecision:
    """Return a decision that leaves a stage in place whose weights are not set yet."""
    weights = state.rollout.weights
    if weights is None or not weights.is_pending or decision.action not in ("advance", "promote"):
        return decision
    return RolloutDecision("watch", weights.reason)


def roll_back(
    records: RolloutRecords, bus: EventBus, state: RolloutState, reason: str, now: datetime
) -> RolloutState:
    """End a rollout whose candidate has been stopped; may be repeated.

    Raises:
        Transient: the rollout was changed meanwhile.
    """
    before = tell(records, bus, state)
    after = end_rollout(before, "rolled_back", reason, now)
    after = after.model_copy(update={"untold": RolledBack.detail_type})
    return tell(records, bus, write_state(records, before, after))


def tell(records: RolloutRecords, bus: EventBus, state: RolloutState) -> RolloutState:
    """Publish the event of a state that has yet to be told, and note that it was.

    The state was written before, so that nothing is told that did not come to be. An event that was
    published but not noted is published again, and is the same then.
    """
    if not state.untold:
        return state
    bus.publish(_event(state))
    records.mark_told(state)
    return state.model_copy(update={"untold": "", "revision": state.revision + 1})


_EVENTS: Mapping[str, type[RolloutEvent]] = {
    event.detail_type: event
    for event in (RolloutAdvanced, RolloutWaiting, RolloutPromoted, RolledBack)
}


def _event(state: RolloutState) -> RolloutEvent:
    rollout = state.rollout
    return _EVENTS[state.untold](
        tenant=state.tenant,
        rollout_id=rollout.rollout_id,
        subject=rollout.subject,
        live=rollout.live,
        to=rollout.to,
        stage=rollout.stage,
        reason=rollout.reason,
        time=rollout.updated_at,
    )
