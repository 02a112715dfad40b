"""Which version of a subject answers a call while a rollout of it may run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from chalicelib.contracts.receipts import Receipt, ReceiptArm
from chalicelib.rollouts.assignment import assign_arm, end_user_position

if TYPE_CHECKING:
    from chalicelib.captures.recorder import CapturedArm
    from chalicelib.contracts.rollouts import Arm, LiveChoice, LivePointer

TRAFFIC_SECONDS = 10.0
"""Seconds for which a process believes what it read of a tenant's rollouts: as long after a change
of share, a promotion or a stop may the last call be answered as before."""


@dataclass(frozen=True, slots=True)
class LiveTraffic:
    """What decides who answers calls of a tenant.

    Attributes:
        pointers: The rollouts that run and were not stopped, by the key of their subject.
        choices: What rollouts of models and retrievals were promoted to, by the same key.
    """

    pointers: Mapping[str, LivePointer] = field(default_factory=dict)
    choices: Mapping[str, LiveChoice] = field(default_factory=dict)


ReadTraffic = Callable[[str], LiveTraffic]
"""Returns what is live of a tenant, at most `TRAFFIC_SECONDS` old. Raises nothing."""


def no_traffic(tenant: str) -> LiveTraffic:
    """Return that no rollout of a tenant runs or was promoted."""
    return LiveTraffic()


@dataclass(frozen=True, slots=True)
class ArmAssignment:
    """The version that answers one call, and the arm of the rollout that says so.

    Attributes:
        version: A prompt's number, a model, or a retrieval setting.
        rollout_id: The rollout of the subject, "" without one.
        arm: The arm that the caller is in, "" without a rollout.
        shadow: Whether the rollout only shadows calls, so that the answer must not show it.
    """

    version: str
    rollout_id: str = ""
    arm: Arm | Literal[""] = ""
    shadow: bool = False

    @property
    def captured(self) -> CapturedArm:
        """The arm as the call is captured: a shadow takes calls that a monitor samples anyway."""
        # Imported here: a search is not captured, and loads nothing of captures.
        from chalicelib.captures.recorder import CapturedArm

        return CapturedArm(self.rollout_id, self.arm, bool(self.rollout_id) and not self.shadow)

    def mark(self, receipt: Receipt) -> Receipt:
        """Return a receipt that says which arm gave the result; a shadow leaves it as it is."""
        if not self.rollout_id or self.shadow:
            return receipt
        arm = ReceiptArm(
            rollout_id=self.rollout_id, arm="candidate" if self.arm == "candidate" else "live"
        )
        return receipt.model_copy(update={"rollout": arm})


def assign_version(
    traffic: LiveTraffic, tenant: str, key: str, caller: str, own: str
) -> ArmAssignment:
    """Return which version of a subject answers a call.

    Args:
        traffic: What is live of the tenant.
        tenant: The tenant.
        key: The key of the subject that is called.
        caller: Who calls, as `Spender.caller` names them.
        own: The version that the subject itself names: the label's, the model's own name, or the
            default of retrievals. A rollout from another version no longer holds.
    """
    choice = traffic.choices.get(key)
    live = choice.version if choice is not None else own
    pointer = traffic.pointers.get(key)
    if pointer is None or pointer.live != live:
        return ArmAssignment(live)
    if pointer.shadow:
        return ArmAssignment(live, pointer.rollout_id, "live", shadow=True)
    answering = pointer.live_as or live
    arm = assign_arm(pointer.share, end_user_position(pointer.salt, tenant, caller))
    return ArmAssignment(pointer.to if arm == "candidate" else answering, pointer.rollout_id, arm)
