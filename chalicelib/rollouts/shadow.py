"""Shadow answers: the candidate answers captured calls again, in the background.

No end user sees them. Each is measured as a captured call is, and a judge may compare it with the
answer that was given. An answer is stored before the next call is asked, and what is stored is not
asked again: a replay that is killed or started twice pays for one call twice at most.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

from pydantic import JsonValue

from chalicelib.captures.failures import was_screened
from chalicelib.captures.generator import elapsed_ms
from chalicelib.captures.masks import fits_screening, mask_bodies
from chalicelib.contracts.receipts import Receipt, nanodollars
from chalicelib.contracts.rollouts import CallMetrics, ShadowObservation
from chalicelib.errors import HeadraceError, ModelFailure, QuotaExceeded

if TYPE_CHECKING:
    from chalicelib.captures.facts import CallFacts
    from chalicelib.contracts.captures import CapturedCall
    from chalicelib.contracts.receipts import ReceiptLine

Preference = Literal["live", "candidate", "tie"]
MAX_REASON = 1_000
MAX_SHOWN = 200
"""Characters of an answer in the reason for which a smoke request failed."""


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """A request that the candidate answers.

    Attributes:
        call_id: The id of the captured call, or of a smoke request.
        input: The request as captured calls hold it: `call` and `terms` of a model, `variables` of
            a prompt, the body of an ask.
        live_output: What the live version answered, "" where there is nothing to compare with.
        expect: What the answer has to contain, in any case of its letters; "" for anything.
    """

    call_id: str
    input: Mapping[str, JsonValue]
    live_output: str = ""
    expect: str = ""

    @classmethod
    def of(cls, call: CapturedCall) -> ReplayRequest:
        """Return the request of a captured call whose input was kept."""
        assert call.input is not None, "the caller leaves out what cannot be replayed"
        return cls(call.id, json.loads(call.input), call.output or "")


class CandidateAnswerer(Protocol):
    """The candidate of a rollout."""

    def answer(self, given: Mapping[str, JsonValue]) -> CallFacts:
        """Return the facts of the candidate's answer to a request; raises as answering does."""


class ShadowJudge(Protocol):
    """Compares two answers to one request."""

    def prefer(
        self, given: Mapping[str, JsonValue], live: str, candidate: str
    ) -> tuple[Preference | None, str, tuple[ReceiptLine, ...]]:
        """Return whose answer is better, None without a verdict; why; and what that cost."""


class ObservationRecords(Protocol):
    """The stored shadow answers of rollouts."""

    def observation(self, tenant: str, rollout_id: str, call_id: str) -> ShadowObservation | None:
        """Return how the candidate answered a call, or None."""

    def put_observation(self, tenant: str, rollout_id: str, observation: ShadowObservation) -> None:
        """Store how the candidate answered a call; the first answer stays."""


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """How many requests were answered now, and why the replay ended early, "" if it did not."""

    answered: int
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class ShadowReplay:
    """Has one candidate answer requests, and stores how that went.

    Attributes:
        records: Where answers are stored.
        candidate: Answers the requests, by a budget of its own.
        judge: Compares answers, None to compare them by metrics only.
        utcnow: Returns the time now.
        monotonic: A clock in seconds.
        ends_at: When no further request is begun, by that clock; None for never.
    """

    records: ObservationRecords
    candidate: CandidateAnswerer
    judge: ShadowJudge | None
    utcnow: Callable[[], datetime]
    monotonic: Callable[[], float]
    ends_at: float | None = None

    def replay(
        self, tenant: str, rollout_id: str, requests: Iterable[ReplayRequest]
    ) -> ReplayResult:
        """Answer requests that have no stored answer, in order.

        A budget that is used up ends the replay: the requests that are left have no answer, which
        counts neither for the candidate nor against it.
        """
        answered = 0
        for request in requests:
            if self.ends_at is not None and self.monotonic() >= self.ends_at:
                return ReplayResult(answered, "the time of this replay is over")
            if self.records.observation(tenant, rollout_id, request.call_id) is not None:
                continue
            try:
                observation = self._observe(request)
            except QuotaExceeded as error:
                return ReplayResult(answered, error.message)
            self.records.put_observation(tenant, rollout_id, observation)
            answered += 1
        return ReplayResult(answered)

    def _observe(self, request: ReplayRequest) -> ShadowObservation:
        """Return how the candidate answers. Raises QuotaExceeded: it was not asked."""
        began = self.monotonic()
        try:
            facts = self.candidate.answer(request.input)
        except QuotaExceeded:
            raise
        except HeadraceError as error:
            return self._failed(request, error, elapsed_ms(began, self.monotonic()))
        latency_ms = elapsed_ms(began, self.monotonic())
        if request.expect.casefold() not in facts.output.casefold():
            missing = ModelFailure(f"{request.expect!r} is not in: {facts.output[:MAX_SHOWN]}")
            missing.receipt = facts.receipt
            return self._failed(request, missing, latency_ms)
        preferred, reason, lines = self._judged(request, facts)
        metrics = CallMetrics(
            call_id=request.call_id,
            arm="candidate",
            at=self.utcnow(),
            error=facts.outcome == "error",
            refused=None if facts.outcome == "error" else facts.outcome == "refused",
            unsupported=facts.unsupported,
            unsafe=_is_unsafe(facts.output),
            latency_ms=latency_ms,
            nanodollars=nanodollars(facts.receipt.dollars),
        )
        return ShadowObservation(
            metrics=metrics,
            receipt=Receipt.of((*facts.receipt.lines, *lines)),
            preferred=preferred,
            reason=reason[:MAX_REASON],
        )

    def _failed(
        self, request: ReplayRequest, error: HeadraceError, latency_ms: int
    ) -> ShadowObservation:
        """Return that the candidate gave no answer to what the live version answered."""
        screened = was_screened(error)
        receipt = error.receipt or Receipt()
        return ShadowObservation(
            metrics=CallMetrics(
                call_id=request.call_id,
                arm="candidate",
                at=self.utcnow(),
                error=not screened,
                refused=True if screened else None,
                latency_ms=latency_ms,
                nanodollars=nanodollars(receipt.dollars),
            ),
            receipt=receipt,
            reason=error.message[:MAX_REASON],
        )

    def _judged(
        self, request: ReplayRequest, facts: CallFacts
    ) -> tuple[Preference | None, str, tuple[ReceiptLine, ...]]:
        """Return the judge's verdict; a judge that fails leaves the answer without one."""
        if self.judge is None or not request.live_output or not facts.output:
            return None, "", ()
        try:
            return self.judge.prefer(request.input, request.live_output, facts.output)
        except HeadraceError as error:
            lines = error.receipt.lines if error.receipt is not None else ()
            return None, f"The judge failed: {error.message}", lines


def _is_unsafe(output: str) -> bool | None:
    """Return whether the screening's rules find harm, None of a text that is too long for them."""
    if not fits_screening({}, output):
        return None
    return mask_bodies({}, output, ()).unsafe
