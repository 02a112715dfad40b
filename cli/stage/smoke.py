"""Smoke test of a deployed stage over HTTP: a sample in, a cited answer out.

It has its own tenant, which is removed again with all it holds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from cli.client import Api
from cli.documents.results import DocumentResult
from cli.documents.uploads import LocalFile, Uploader
from cli.failures import ApiError, CommandError
from cli.jobs import follow
from cli.local.demo import QUESTIONS, SAMPLES, check_answer
from cli.output import Output, describe_place

SAMPLE = "operating-handbook.md"
QUESTION = QUESTIONS[0]
COLLECTION = "deployment-check"
SETTLE_SECONDS = 300.0
"""Every function starts for the first time, one after another."""
_HEALTH_POLLS = 10
_HEALTH_POLL_SECONDS = 3.0


class SmokeTestError(CommandError):
    """Raised when a deployed stage fails its test; the message says where to look."""


@dataclass(frozen=True, slots=True)
class SmokeTest:
    """The test of one stage as `tenant`, whose key `api` has."""

    api: Api
    tenant: str
    output: Output
    sleep: Callable[[float], None] = time.sleep

    def run(self) -> None:
        """Run every step, and remove what they created, whatever the result.

        Raises:
            SmokeTestError: a step failed.
        """
        failures: list[str] = []
        try:
            self._step("GET /v1/health", self._health)
            self._step(f"Upload of {SAMPLE}", self._upload)
            self._step(f"POST /v1/ask: {QUESTION.text}", self._ask)
        except SmokeTestError as failed:
            failures.append(str(failed))
        try:
            self._step("Removal of what was put", self._remove)
        except SmokeTestError as failed:
            failures.append(str(failed))
        if failures:
            raise SmokeTestError("\n".join(failures))

    def _step(self, name: str, step: Callable[[], str]) -> None:
        try:
            result = step()
        except CommandError as failure:
            raise SmokeTestError(f"{name}: {failure}") from failure
        self.output.line(f"{name}: {result}")

    def _health(self) -> str:
        """Wait until the API answers: API Gateway takes a moment to know a new deployment."""
        for poll in range(1, _HEALTH_POLLS + 1):
            try:
                return str(self.api.health()["status"])
            except ApiError as refused:
                if poll == _HEALTH_POLLS:
                    raise
                if refused.status not in (403, 404):
                    raise
                self.sleep(_HEALTH_POLL_SECONDS)
        raise AssertionError("unreachable: the last poll returns or raises")

    def _upload(self) -> str:
        uploader = Uploader(self.api, COLLECTION, SETTLE_SECONDS, sleep=self.sleep)
        local = LocalFile(SAMPLES / SAMPLE, SAMPLE)
        for result in uploader.upload_all([local]):
            if isinstance(result, DocumentResult) and not result.succeeded:
                raise CommandError(f"{result.state}: {result.reason}")
        return "ready"

    def _ask(self) -> str:
        answer = self.api.ask({"question": QUESTION.text, "collection": COLLECTION})
        check_answer(QUESTION, answer)
        return f"{answer['answer']} ({describe_place(answer['citations'][0])})"

    def _remove(self) -> str:
        job_id = self.api.call("DELETE", "/v1/tenant", json={"tenant": self.tenant})["job_id"]
        job = follow(self.api, job_id, self.output, until_refused=True, sleep=self.sleep)
        if job["status"] not in ("queued", "running", "succeeded"):
            raise CommandError(f"the job {job_id} ended as {job['status']}")
        return f"done, with the tenant {self.tenant}"
