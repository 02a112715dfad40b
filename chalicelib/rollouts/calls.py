"""The calls of a rollout, read from those that were captured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.batches.receipts import ReceiptSum
from chalicelib.contracts.captures import CapturedCall, CaptureSubject
from chalicelib.contracts.rollouts import CallMetrics
from chalicelib.rollouts.transitions import ObservedCalls

if TYPE_CHECKING:
    from chalicelib.contracts.rollouts import Arm, ArmCounts, ShadowObservation
    from chalicelib.rollouts.records import RolloutState

MAX_CALLS = 2_000
"""Calls that one look counts; where there are more, the next look follows at once."""


class CapturedCallReader(Protocol):
    """The captured calls of tenants."""

    def calls(
        self,
        tenant: str,
        subject: CaptureSubject,
        *,
        now: datetime,
        after: str = "",
        since: datetime | None = None,
        limit: int = 0,
    ) -> Iterator[CapturedCall]:
        """Yield the settled calls of a subject, oldest first, those behind the id `after`."""


class ObservationReader(Protocol):
    """Answers of candidates in the background."""

    def observation(self, tenant: str, rollout_id: str, call_id: str) -> ShadowObservation | None:
        """Return how the candidate answered a captured call in the background, or None."""


class RatingReader(Protocol):
    """Ratings of answers that an arm of a rollout gave."""

    def counts(self, tenant: str, rollout_id: str, since: datetime) -> dict[Arm, ArmCounts]:
        """Return ratings by arm, of answers given `since` then; the bad ones are the events."""


@dataclass(frozen=True, slots=True)
class CapturedRolloutCalls:
    """The captured calls of a rollout's subject, the candidate's shadow answers, and ratings."""

    captured: CapturedCallReader
    observations: ObservationReader
    ratings: RatingReader
    max_calls: int = MAX_CALLS

    def since(self, state: RolloutState, now: datetime) -> ObservedCalls:
        """Return the calls behind the state's cursor, of both arms.

        In a shadow stage the cursor stops before the first call that the candidate has yet to
        answer, so that none is left out.
        """
        rollout = state.rollout
        report = rollout.reports[-1]
        metrics: list[CallMetrics] = []
        cursor, looked_at = state.cursor, 0
        spent = ReceiptSum()
        found = self.captured.calls(
            state.tenant,
            CaptureSubject(kind=rollout.subject.kind, name=rollout.subject.name),
            now=now,
            after=state.cursor,
            since=rollout.created_at,
            limit=self.max_calls,
        )
        for call in found:
            looked_at += 1
            is_own = call.rollout_id == rollout.rollout_id and call.created_at >= report.began_at
            if is_own and report.shadow and is_replayable(call):
                answer = self.observations.observation(state.tenant, rollout.rollout_id, call.id)
                if answer is None:
                    return ObservedCalls(tuple(metrics), cursor, spent.whole())
                shadow = answer.metrics.model_copy(
                    update={"preferred": answer.preferred, "end_user": call.end_user}
                )
                metrics += [call_metrics(call), shadow]
                if answer.receipt is not None:
                    spent.add(answer.receipt)
            elif is_own and not report.shadow:
                metrics.append(call_metrics(call))
            cursor = call.id
        return ObservedCalls(
            tuple(metrics),
            cursor,
            spent.whole(),
            has_more=looked_at == self.max_calls,
            ratings=self._ratings(state),
        )

    def _ratings(self, state: RolloutState) -> dict[Arm, ArmCounts] | None:
        rollout = state.rollout
        if not any(guard.metric == "bad_ratings" for guard in rollout.guards):
            return None
        began_at = rollout.reports[-1].began_at
        return self.ratings.counts(state.tenant, rollout.rollout_id, began_at)

    def smoke_failure(self, state: RolloutState) -> str | None:
        """Return why the candidate failed a smoke request, "" if it passed all, None before."""
        for n in range(len(state.rollout.smoke)):
            answer = self.observations.observation(
                state.tenant, state.rollout.rollout_id, smoke_id(n)
            )
            if answer is None:
                return None
            if answer.metrics.error:
                return f"Smoke request {n + 1}: {answer.reason}"
        return ""


def smoke_id(n: int) -> str:
    """Return the id of a smoke request among the answers of a candidate, from 0."""
    return f"smoke-{n}"


def is_replayable(call: CapturedCall) -> bool:
    """Tell whether a candidate can answer a captured call: all of its input was kept."""
    return call.input is not None and not {"input", "images"} & set(call.left_out)


def call_metrics(call: CapturedCall) -> CallMetrics:
    """Return the metrics of a captured call; a call that failed has no answer to measure."""
    is_error = call.outcome == "error"
    return CallMetrics(
        call_id=call.id,
        arm="candidate" if call.arm == "candidate" else "live",
        at=call.created_at,
        error=is_error,
        refused=None if is_error else call.outcome == "refused",
        unsupported=call.unsupported,
        unsafe=None if is_error else call.unsafe,
        end_user=call.end_user,
        latency_ms=call.latency_ms,
        nanodollars=call.nanodollars,
    )
