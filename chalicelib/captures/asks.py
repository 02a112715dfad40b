"""Captures questions on documents, answered whole or event by event."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.captures.facts import ask_facts, failed_ask_facts
from chalicelib.captures.failures import counts_as_failure
from chalicelib.captures.generator import elapsed_ms
from chalicelib.captures.recorder import NO_ROLLOUT, CallOrigin, CapturedArm
from chalicelib.contracts.answers import AskEvent, AskRequest, AskResponse, fold_events
from chalicelib.contracts.captures import DEFAULT_VERSION, EVERYTHING, CaptureSubject
from chalicelib.errors import HeadraceError

if TYPE_CHECKING:
    from chalicelib.captures.recorder import CallCapture
    from chalicelib.retrieval.search.query import Query


@dataclass(frozen=True, slots=True)
class RecordedAsk:
    """One question, whose answer is captured once it is given, with its retrieval setting."""

    recorder: CallCapture
    query: Query
    request: AskRequest
    monotonic: Callable[[], float] = time.monotonic
    version: str = DEFAULT_VERSION
    rollout: CapturedArm = NO_ROLLOUT

    def answer(self, ask: Callable[[], AskResponse]) -> AskResponse:
        """Return the answer of `ask`; raises as it does."""
        began = self.monotonic()
        try:
            answer = ask()
        except HeadraceError as error:
            self._record_failure(error, began)
            raise
        self.recorder.record(
            self._origin(began), lambda: ask_facts(self.request, answer, self.version)
        )
        return answer

    def stream(self, ask: Callable[[], Iterator[AskEvent]]) -> Iterator[AskEvent]:
        """Yield the events of `ask`, and capture them after the last one; raises as it does."""
        began = self.monotonic()
        events: list[AskEvent] = []
        try:
            for event in ask():
                events.append(event)
                yield event
        except HeadraceError as error:
            self._record_failure(error, began)
            raise
        self.recorder.record(
            self._origin(began), lambda: ask_facts(self.request, fold_events(events), self.version)
        )

    def _record_failure(self, error: HeadraceError, began: float) -> None:
        if counts_as_failure(error):
            self.recorder.record(
                self._origin(began), lambda: failed_ask_facts(self.request, error, self.version)
            )

    def _origin(self, began: float) -> CallOrigin:
        name = self.request.collection or EVERYTHING
        return CallOrigin(
            tenant=self.query.tenant,
            subject=CaptureSubject(kind="retrieval", name=name),
            correlation_id=self.query.correlation_id,
            end_user=self.query.spender.caller,
            latency_ms=elapsed_ms(began, self.monotonic()),
            rollout=self.rollout,
        )
