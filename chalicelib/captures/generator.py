"""A generator whose answers, and failures of models, are captured."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from chalicelib.captures.facts import failed_generation_facts, generation_facts
from chalicelib.captures.failures import counts_as_failure
from chalicelib.captures.recorder import NO_ROLLOUT, CallOrigin, CapturedArm
from chalicelib.contracts.captures import CaptureSubject
from chalicelib.contracts.generations import Call, ChatCall, Generation, Terms
from chalicelib.errors import HeadraceError
from chalicelib.generation.dependencies import NO_LIMITS, CallLimits
from chalicelib.generation.streams import TextDelta, ToolDelta

if TYPE_CHECKING:
    from chalicelib.budgets.spender import Spender
    from chalicelib.captures.facts import CallFacts
    from chalicelib.captures.recorder import CallCapture


class PieceGenerator(Protocol):
    """Answers calls, whole or in pieces."""

    def generate(
        self, call: Call, terms: Terms, spender: Spender, limits: CallLimits = NO_LIMITS
    ) -> Generation:
        """Return the answer to a call."""

    def stream(
        self, call: ChatCall, terms: Terms, spender: Spender, limits: CallLimits = NO_LIMITS
    ) -> Iterator[TextDelta | ToolDelta | Generation]:
        """Yield the answer in pieces, and the whole generation last."""

    def is_fallback(self, terms: Terms, generation: Generation) -> bool:
        """Tell whether another model gave an answer than the one that the terms name."""


@dataclass(frozen=True, slots=True)
class RecordedGenerator:
    """Answers calls by `inner`, and has each call captured by `recorder` after its answer.

    The subject is the model that answered; of a call that failed, the model that was asked for. In
    a `rollout` it is that of the rollout.
    """

    inner: PieceGenerator
    recorder: CallCapture
    monotonic: Callable[[], float] = time.monotonic
    rollout: CapturedArm = NO_ROLLOUT

    def generate(
        self, call: Call, terms: Terms, spender: Spender, limits: CallLimits = NO_LIMITS
    ) -> Generation:
        """Return the answer to a call; raises as `inner` does."""
        began = self.monotonic()
        try:
            generation = self.inner.generate(call, terms, spender, limits=limits)
        except HeadraceError as error:
            self._record_failure(call, terms, spender, error, began)
            raise
        self._record(call, terms, spender, generation, began)
        return generation

    def stream(
        self, call: ChatCall, terms: Terms, spender: Spender, limits: CallLimits = NO_LIMITS
    ) -> Iterator[TextDelta | ToolDelta | Generation]:
        """Yield the answer in pieces, and the whole generation last; raises as `inner` does.

        The call is captured when the caller asks for what comes after the last piece, so that no
        piece waits for it.
        """
        began = self.monotonic()
        try:
            for piece in self.inner.stream(call, terms, spender, limits=limits):
                yield piece
                if isinstance(piece, Generation):
                    self._record(call, terms, spender, piece, began)
        except HeadraceError as error:
            self._record_failure(call, terms, spender, error, began)
            raise

    def _record(
        self, call: Call, terms: Terms, spender: Spender, generation: Generation, began: float
    ) -> None:
        origin = self._origin(generation.model, spender, began)
        self.recorder.record(origin, lambda: self._facts(call, terms, generation))

    def _facts(self, call: Call, terms: Terms, generation: Generation) -> CallFacts:
        """Return the facts of an answer; a fallback's, in a rollout, is an error of its arm."""
        facts = generation_facts(call, terms, generation)
        if self.rollout.rollout_id and self.inner.is_fallback(terms, generation):
            return replace(facts, outcome="error", error_type="Fallback")
        return facts

    def _record_failure(
        self, call: Call, terms: Terms, spender: Spender, error: HeadraceError, began: float
    ) -> None:
        if counts_as_failure(error):
            origin = self._origin(terms.model, spender, began)
            self.recorder.record(origin, lambda: failed_generation_facts(call, terms, error))

    def _origin(self, model: str, spender: Spender, began: float) -> CallOrigin:
        return CallOrigin(
            tenant=spender.tenant,
            subject=CaptureSubject(kind="model", name=self.rollout.subject or model),
            correlation_id=spender.correlation_id,
            end_user=spender.caller,
            latency_ms=elapsed_ms(began, self.monotonic()),
            rollout=self.rollout,
        )


def elapsed_ms(began: float, ended: float) -> int:
    """Return whole milliseconds between two readings of a monotonic clock."""
    return max(0, round(1000 * (ended - began)))
