"""How a rollout changes from one state to the next, and the pointer that goes with each. Pure.

Revisions are given when a state is written: several transitions may make one change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from chalicelib.batches.receipts import ReceiptSum
from chalicelib.contracts.receipts import Receipt
from chalicelib.contracts.rollouts import (
    MAX_WINDOWS_SHOWN,
    OPEN_ROLLOUT,
    LivePointer,
    ObservationWindow,
    RolloutView,
    StageReport,
)
from chalicelib.generation.variants import SEPARATOR
from chalicelib.rollouts.evidence import fold, new_evidence
from chalicelib.rollouts.records import RolloutState
from chalicelib.rollouts.user_counts import UserCounts

if TYPE_CHECKING:
    from chalicelib.contracts.rollout_weights import EndpointWeights
    from chalicelib.contracts.rollouts import Arm, ArmCounts, CallMetrics
    from chalicelib.rollouts.decision import RolloutDecision


@dataclass(frozen=True, slots=True)
class ObservedCalls:
    """The calls of a rollout since its cursor, of both arms, and the cursor behind them.

    `receipt` is what answers of the candidate in the background have cost. `has_more` says that
    there are calls behind the cursor already. `ratings` are all of the stage's answers by arm,
    since they come late and may change; None where no guard asks for them.
    """

    metrics: tuple[CallMetrics, ...]
    cursor: str
    receipt: Receipt | None = None
    has_more: bool = False
    ratings: Mapping[Arm, ArmCounts] | None = None


def pointer_of(state: RolloutState) -> LivePointer | None:
    """Return the live pointer that a state wants, or None once the rollout has ended."""
    rollout = state.rollout
    if rollout.status not in OPEN_ROLLOUT:
        return None
    has_begun = rollout.status != "preparing"
    stage, weights = rollout.stages[rollout.stage], rollout.weights
    # Calls of the live arm would go by the weights otherwise, and meet the candidate, too.
    is_whole = weights is not None and weights.live and SEPARATOR not in rollout.live
    return LivePointer(
        subject=rollout.subject,
        rollout_id=rollout.rollout_id,
        live=rollout.live,
        to=rollout.to,
        live_as=f"{rollout.live}{SEPARATOR}{weights.live}" if weights and is_whole else "",
        share=stage.share if has_begun else 0,
        shadow=stage.shadow and has_begun,
        salt=rollout.rollout_id,
        stage=rollout.stage,
        revision=state.revision,
    )


def begin_stage(state: RolloutState, stage: int, now: datetime) -> RolloutState:
    """Return the state in which a stage begins, and the one before has ended."""
    rollout = state.rollout
    earlier = _closed(rollout.reports, now)
    wanted = rollout.stages[stage]
    before = earlier[-1] if earlier and wanted.share == 100 else None
    report = StageReport(
        stage=stage,
        share=wanted.share,
        shadow=wanted.shadow,
        began_at=now,
        evidence=new_evidence(rollout.guards, before),
    )
    return _next(
        state.model_copy(update={"users": ""}),
        rollout.model_copy(
            update={
                "status": "running",
                "reason": "",
                "stage": stage,
                "reports": (*earlier, report),
                "weights": _targeted(rollout.weights, wanted.share),
                "updated_at": now,
            }
        ),
        task_token="",
    )


def count_calls(state: RolloutState, observed: ObservedCalls, now: datetime) -> RolloutState:
    """Return the state with further calls counted in its stage.

    Few are counted of each end user, but all in a shadow stage, where both arms answer each call.
    """
    rollout, users = state.rollout, UserCounts.read(state.users)
    report = rollout.reports[-1]
    counted = observed.metrics if report.shadow else users.take(observed.metrics)
    report = fold(report, counted, rollout.stages, observed.ratings)
    return state.model_copy(
        update={
            "cursor": observed.cursor,
            "users": users.text(),
            "rollout": rollout.model_copy(
                update={
                    "reports": (*rollout.reports[:-1], report),
                    "receipt": _receipt(rollout.receipt, observed.receipt),
                    "updated_at": now,
                }
            ),
        }
    )


def record_look(
    state: RolloutState, observed: ObservedCalls, decision: RolloutDecision, now: datetime
) -> RolloutState:
    """Return the state after a look: the window is listed, and a rollout that asks waits."""
    rollout, tick = state.rollout, state.tick + 1
    report = rollout.reports[-1]
    window = ObservationWindow(
        number=tick,
        stage=rollout.stage,
        at=now,
        live_calls=sum(each.arm == "live" for each in observed.metrics),
        candidate_calls=sum(each.arm == "candidate" for each in observed.metrics),
        verdicts={each.guard.metric: each.verdict for each in report.evidence},
        decision=decision.action,
    )
    is_waiting = decision.action == "ask"
    rollout = rollout.model_copy(
        update={
            "status": "waiting" if is_waiting else "running",
            "reason": decision.reason,
            "windows": (*rollout.windows, window)[-MAX_WINDOWS_SHOWN:],
            "updated_at": now,
        }
    )
    after = _next(state, rollout, task_token=state.task_token if is_waiting else "")
    return after.model_copy(update={"tick": tick})


def approve_stage(state: RolloutState, by: str, reason: str, now: datetime) -> RolloutState:
    """Return the state in which a person has said that the present stage may end."""
    rollout = state.rollout
    noted = rollout.reports[-1].model_copy(update={"approved_by": by, "note": reason})
    rollout = rollout.model_copy(
        update={"reports": (*rollout.reports[:-1], noted), "updated_at": now}
    )
    after = _next(state, rollout, task_token=state.task_token)
    return after.model_copy(update={"decided": (*state.decided, rollout.stage)})


def wait_for_approval(state: RolloutState, task_token: str) -> RolloutState:
    """Return the state that knows the token by which the waiting execution goes on."""
    return _next(state, state.rollout, task_token=task_token)


def end_rollout(
    state: RolloutState, status: Literal["promoted", "rolled_back"], reason: str, now: datetime
) -> RolloutState:
    """Return the state in which the rollout has ended."""
    rollout = state.rollout.model_copy(
        update={
            "status": status,
            "reason": reason,
            "reports": _closed(state.rollout.reports, now),
            "weights": _unsettled(state.rollout.weights),
            "updated_at": now,
            "ended_at": now,
        }
    )
    return _next(state, rollout, task_token="")


def _targeted(weights: EndpointWeights | None, share: float) -> EndpointWeights | None:
    return weights and weights.model_copy(update={"target": share})


def _unsettled(weights: EndpointWeights | None) -> EndpointWeights | None:
    """Return weights that are to be looked at again: a look at them may have been cut off."""
    update = {"attempts": 0, "reason": "The rollout has ended, and its weights are to follow."}
    return weights.model_copy(update=update) if weights and weights.total else weights


def _receipt(*receipts: Receipt | None) -> Receipt | None:
    known = [each for each in receipts if each is not None and each.lines]
    if not known:
        return None
    whole = ReceiptSum()
    for each in known:
        whole.add(each)
    return whole.whole()


def _closed(reports: Sequence[StageReport], now: datetime) -> tuple[StageReport, ...]:
    if not reports or reports[-1].ended_at is not None:
        return tuple(reports)
    return (*reports[:-1], reports[-1].model_copy(update={"ended_at": now}))


def _next(state: RolloutState, rollout: RolloutView, *, task_token: str) -> RolloutState:
    return state.model_copy(update={"rollout": rollout, "task_token": task_token})
