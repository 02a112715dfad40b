"""Calls of models, divided between the arms of rollouts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from chalicelib.captures.generator import PieceGenerator, RecordedGenerator
from chalicelib.captures.recorder import CallCapture, NoCapture
from chalicelib.contracts.captures import subject_key
from chalicelib.contracts.generations import Call, ChatCall, Generation, Terms
from chalicelib.generation.dependencies import NO_LIMITS, CallLimits
from chalicelib.generation.streams import TextDelta, ToolDelta
from chalicelib.rollouts.arms import ArmAssignment, ReadTraffic, assign_version, no_traffic

if TYPE_CHECKING:
    from chalicelib.budgets.spender import Spender


@dataclass(frozen=True, slots=True)
class DividedGenerator:
    """Answers calls by the models that rollouts assign, and has the calls captured.

    The subject of a rollout is the model name of a call, be it of the catalogue or one that only a
    rollout was promoted to.
    """

    inner: PieceGenerator
    traffic: ReadTraffic = no_traffic
    recorder: CallCapture = field(default_factory=NoCapture)
    monotonic: Callable[[], float] = time.monotonic

    def generate(
        self, call: Call, terms: Terms, spender: Spender, limits: CallLimits = NO_LIMITS
    ) -> Generation:
        """Return the answer to a call; raises as `inner` does."""
        arm = self._arm(terms, spender)
        recorded = self._recorded(arm, terms)
        return _marked(arm, recorded.generate(call, _by(arm, terms), spender, limits))

    def stream(
        self, call: ChatCall, terms: Terms, spender: Spender, limits: CallLimits = NO_LIMITS
    ) -> Iterator[TextDelta | ToolDelta | Generation]:
        """Yield the answer in pieces, and the whole generation last; raises as `inner` does."""
        arm = self._arm(terms, spender)
        recorded = self._recorded(arm, terms)
        for piece in recorded.stream(call, _by(arm, terms), spender, limits):
            yield _marked(arm, piece) if isinstance(piece, Generation) else piece

    def _arm(self, terms: Terms, spender: Spender) -> ArmAssignment:
        key = subject_key("model", terms.model)
        traffic = self.traffic(spender.tenant)
        return assign_version(traffic, spender.tenant, key, spender.caller, terms.model)

    def _recorded(self, arm: ArmAssignment, terms: Terms) -> RecordedGenerator:
        captured = arm.captured
        if captured.rollout_id:
            captured = replace(captured, subject=terms.model)
        return RecordedGenerator(self.inner, self.recorder, self.monotonic, captured)


def _by(arm: ArmAssignment, terms: Terms) -> Terms:
    return terms.model_copy(update={"model": arm.version})


def _marked(arm: ArmAssignment, generation: Generation) -> Generation:
    receipt = arm.mark(generation.receipt)
    return generation.model_copy(update={"receipt": receipt})
