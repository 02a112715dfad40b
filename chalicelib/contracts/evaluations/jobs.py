"""Evaluations as jobs: the bodies of `/v1/evaluations`, and what the steps of the machine pass on.

The objects of an evaluation lie under `jobs/{tenant}/{job_id}/`: `chalicelib/evaluation/storage.py`
names them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import Contract, HttpInput
from chalicelib.contracts.batches import (
    ULID,
    BatchEstimate,
    GenerateItemsInput,
    RoundsCheckpoint,
)
from chalicelib.contracts.evaluations.results import GateVerdict, ScoreInterval
from chalicelib.contracts.evaluations.suites import Suite
from chalicelib.contracts.jobs import JobCounts, JobError, JobResult, JobStatus
from chalicelib.contracts.prompts import PromptContent
from chalicelib.contracts.receipts import Dollars, Receipt

EvaluationPhase = Literal["estimated", "answering", "reducing", "done"]


class CreateEvaluationRequest(HttpInput):
    """`POST /v1/evaluations`: run a suite.

    `baseline` is an evaluation of the last seven days that the run is held against. `budget` takes
    the place of the suite's. With `confirm` nothing is spent until the job is resumed, which shows
    its estimate meanwhile.
    """

    suite: Suite
    baseline: Annotated[str, Field(pattern=ULID)] | None = None
    budget: Annotated[Dollars, Field(gt=0, le=1_000)] | None = None
    confirm: bool = False


class PinnedTarget(Contract):
    """The version of a prompt that a target resolved to when the evaluation began."""

    target: str
    prompt: str
    version: int = Field(ge=0)
    sha256: str
    content: PromptContent


class EvaluationInput(Contract):
    """`suite.json`: a suite with the versions of its prompts."""

    suite: Suite
    pinned: tuple[PinnedTarget, ...] = ()


class EvaluationItem(Contract):
    """One line of `items.jsonl`: item `n` is a repeat of case number `case`."""

    n: int = Field(ge=0)
    case: int = Field(ge=0)
    repeat: int = Field(ge=0)


class TargetScore(Contract):
    """The score of a target, as the list of evaluations shows it."""

    target: str
    identity: str = ""
    score: ScoreInterval
    pass_rate: float


class EvaluationCheckpoint(RoundsCheckpoint):
    """Where an evaluation is: the checkpoint of its job.

    `verdict` and `targets` are set once all results were read, as `receipt` is.
    """

    phase: EvaluationPhase = "answering"
    answers: int = Field(default=0, ge=0)
    verdict: GateVerdict | None = None
    targets: tuple[TargetScore, ...] = ()
    asked: int = Field(default=0, ge=0)
    cached: int = Field(default=0, ge=0)


class EvaluateCasesRequest(Contract):
    """The input of `evaluate_cases`: that of a batch's child, with cases for its items."""

    items: tuple[EvaluationItem, ...] = Field(alias="Items", min_length=1)
    given: GenerateItemsInput = Field(alias="BatchInput")


class EvaluateCasesResult(Contract):
    """The output of `evaluate_cases`; `left` items have no outcome yet."""

    done: int = Field(ge=0)
    failed: int = Field(ge=0)
    left: int = Field(ge=0)
    seconds: float = Field(ge=0)
    gb_seconds: float = Field(ge=0)


class EvaluationView(Contract):
    """An evaluation, as the API shows it.

    `passed` and `verdict` are there once it has ended with results; `status` is that of its job,
    under which it is paused, resumed, cancelled and retried: `partial` says that some answers were
    not run. `results` are `results.json`, `junit.xml` and `report.html`, until `results_until`.
    """

    evaluation_id: str
    suite: str
    suite_sha256: str
    status: JobStatus
    phase: str = ""
    counts: JobCounts
    created_at: AwareDatetime
    updated_at: AwareDatetime
    baseline: str | None = None
    budget: Dollars | None = None
    estimate: BatchEstimate | None = None
    passed: bool | None = None
    verdict: GateVerdict | None = None
    targets: tuple[TargetScore, ...] = ()
    asked: int = 0
    cached: int = 0
    receipt: Receipt | None = None
    results: tuple[JobResult, ...] = ()
    results_until: AwareDatetime | None = None
    error: JobError | None = None


class EvaluationList(Contract):
    """One page of evaluations, newest first; `next_cursor` is None at the end."""

    items: tuple[EvaluationView, ...]
    next_cursor: str | None


class EvaluationSummary(Contract):
    """`summary.json` of an evaluation."""

    evaluation_id: str
    tenant: str
    suite: str
    counts: JobCounts
    verdict: GateVerdict
    receipt: Receipt
    dollars: Dollars = Decimal(0)
