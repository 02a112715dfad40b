"""The weights of endpoints' variants, which follow rollouts, in the rollouts' records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.rollouts.endpoint_weights import is_settled, wanted_share
from chalicelib.rollouts.state_writes import write_ended, write_state

if TYPE_CHECKING:
    from chalicelib.contracts.rollout_weights import EndpointWeights
    from chalicelib.rollouts.endpoint_weights import FindVariants, WeightShift
    from chalicelib.rollouts.records import RolloutRecords, RolloutState


def no_variants(tenant: str, live: str, to: str) -> EndpointWeights | None:
    """Return that a rollout moves no weights."""
    return None


@dataclass(frozen=True, slots=True)
class RolloutWeights:
    """Has the weights of endpoints' variants follow rollouts, and notes how far they have come.

    `find` is asked once a rollout, before it begins.
    """

    records: RolloutRecords
    shift: WeightShift
    find: FindVariants = no_variants

    def follow(self, state: RolloutState) -> tuple[RolloutState, str]:
        """Have the weights follow an open rollout.

        Returns:
            its state, and why it cannot go on, "" if it can.

        Raises:
            Transient: the rollout was changed meanwhile.
        """
        rollout = state.rollout
        weights = rollout.weights
        if weights is None and rollout.status == "preparing" and rollout.subject.kind == "model":
            weights = self.find(state.tenant, rollout.live, rollout.to)
        if weights is None:
            return state, ""
        look = self.shift.look(weights, wanted_share(rollout), is_open=True)
        if look.weights == rollout.weights:
            return state, look.broken
        return write_state(self.records, state, _noted(state, look.weights)), look.broken

    def settle(self, state: RolloutState) -> RolloutState:
        """Have the weights follow a rollout that has ended, if they do not yet.

        Raises:
            Transient: the rollout was changed meanwhile.
        """
        weights = state.rollout.weights
        if weights is None or is_settled(state.rollout):
            return state
        look = self.shift.look(weights, wanted_share(state.rollout), is_open=False)
        return write_ended(self.records, state, _noted(state, look.weights))


def _noted(state: RolloutState, weights: EndpointWeights) -> RolloutState:
    rollout = state.rollout.model_copy(update={"weights": weights})
    return state.model_copy(update={"rollout": rollout})
