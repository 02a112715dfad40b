"""Captures runs of prompts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.captures.facts import failed_run_facts, run_facts
from chalicelib.captures.failures import counts_as_failure
from chalicelib.captures.generator import elapsed_ms
from chalicelib.captures.recorder import NO_ROLLOUT, CallOrigin, CapturedArm
from chalicelib.contracts.captures import CaptureSubject
from chalicelib.errors import HeadraceError

if TYPE_CHECKING:
    from chalicelib.budgets.spender import Spender
    from chalicelib.captures.recorder import CallCapture
    from chalicelib.contracts.prompt_runs import PromptRun, RunPromptRequest
    from chalicelib.contracts.prompts import PromptVersion


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """One run of a version of a prompt, which is captured once it is done."""

    recorder: CallCapture
    version: PromptVersion
    request: RunPromptRequest
    spender: Spender
    monotonic: Callable[[], float]
    rollout: CapturedArm = NO_ROLLOUT

    def run(self, run: Callable[[], PromptRun]) -> PromptRun:
        """Return the result of `run`; raises as it does."""
        began, number = self.monotonic(), self.version.version
        try:
            result = run()
        except HeadraceError as error:
            if counts_as_failure(error):
                failed = error
                self.recorder.record(
                    self._origin(began), lambda: failed_run_facts(number, self.request, failed)
                )
            raise
        self.recorder.record(self._origin(began), lambda: run_facts(number, self.request, result))
        return result

    def _origin(self, began: float) -> CallOrigin:
        return CallOrigin(
            tenant=self.spender.tenant,
            subject=CaptureSubject(kind="prompt", name=self.version.name),
            correlation_id=self.spender.correlation_id,
            end_user=self.spender.caller,
            latency_ms=elapsed_ms(began, self.monotonic()),
            rollout=self.rollout,
        )
