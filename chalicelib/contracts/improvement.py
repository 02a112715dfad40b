"""Improvement of a served model by what a tenant's reviewers prefer: its plan, runs and steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import AnyJson, Contract
from chalicelib.contracts.events import BusEvent
from chalicelib.contracts.quality_limits import DEFAULT_LIMITS
from chalicelib.contracts.serving import ServingName

ImprovementTrigger = Literal["operator", "drift", "labels"]
OpenPhase = Literal["gathering", "reward", "candidate", "approval"]
ImprovementEnd = Literal[
    "done", "refused", "not_better", "rejected", "expired", "failed", "stopped"
]
ImprovementStatus = OpenPhase | ImprovementEnd
APPROVAL_DAYS = 30
"""Days for which a run waits for somebody who approves its candidate."""
APPROVED, REJECTED = "Approved", "Rejected"
"""Approval statuses of versions in SageMaker's registry."""
RUN_MARK, REWARD_MARK, CHAMPION_MARK = "{run}", "{reward}", "{champion}"
"""In a plan's inputs: a run's short id, and the S3 addresses of reward model and champion."""


class ImprovementPlan(Contract):
    """The plan of a model's improvement runs: their data and trainings; an operator writes it.

    Attributes:
        model: The served model whose versions are improved.
        tasks: The labelling tasks, of pairs, that are learned from.
        ratings: Whether ratings are learned from, too.
        min_pairs: The quality gate's limits, as of `headrace labelling pairs`, from here on.
        new_pairs: Pairs more than the last run had, at which labels begin a run.
        channel: The key prefix of the data set whose other files are trained with.
        reward: The input of the state machine `train` for the reward model, as JSON with marks.
        candidate: The same for the candidate.
    """

    tenant: str
    model: ServingName
    tasks: tuple[str, ...] = ()
    ratings: bool = False
    min_pairs: int = Field(default=DEFAULT_LIMITS.min_pairs, ge=1)
    max_contradictory: float = Field(default=DEFAULT_LIMITS.max_contradictory, ge=0, le=1)
    min_alpha: float = Field(default=DEFAULT_LIMITS.min_alpha, ge=0, le=1)
    min_gold_accuracy: float = Field(default=DEFAULT_LIMITS.min_gold_accuracy, ge=0, le=1)
    new_pairs: int = Field(default=100, ge=1)
    bucket: str
    channel: str
    reward: str
    candidate: str


class TrainedVersion(Contract):
    """A version that the state machine `train` registered, with the job that trained it."""

    job: str
    arn: str
    artefact: str
    metrics: Mapping[str, float] = {}


class ImprovementRun(Contract):
    """One run of a plan: how far it is, or how it ended.

    `execution` is the ARN of the execution that works on it. `reasons` say why it ended where it
    did not end as `done`. `next_command` is what an operator does then.
    """

    tenant: str
    model: ServingName
    run_id: str
    trigger: ImprovementTrigger
    execution: str
    status: ImprovementStatus = "gathering"
    reasons: tuple[str, ...] = ()
    pairs: int = Field(default=0, ge=0)
    ratings_left_out: int = Field(default=0, ge=0)
    champion: str = ""
    reward: TrainedVersion | None = None
    candidate: TrainedVersion | None = None
    next_command: str = ""
    task_token: str = ""
    revision: int = Field(default=0, ge=0)
    begun_at: AwareDatetime
    updated_at: AwareDatetime
    approve_until: AwareDatetime | None = None

    @property
    def is_open(self) -> bool:
        """Return whether the run has not ended."""
        return self.status in ("gathering", "reward", "candidate", "approval")

    @property
    def short_id(self) -> str:
        """Return the part of the id that names of jobs have."""
        return self.run_id.replace("-", "")[:12].lower()


class ImproveModelRequest(Contract):
    """The input of `improve_model`: a run, and what the state before has brought.

    `trained` is what a training registered, `failure` why a state failed, `task_token` the token of
    an execution that waits for an approval.
    """

    tenant: str
    model: ServingName
    run_id: str = Field(pattern=r"^[A-Za-z0-9-]{12,64}$")
    trigger: ImprovementTrigger
    execution: str
    trained: TrainedVersion | None = None
    failure: str = ""
    task_token: str = ""


class ImproveModelResult(Contract):
    """The output of `improve_model`: what the machine does next.

    `busy` means that another run of the model is open, `ignored` that there is no plan or nothing
    new; neither leaves a record.
    """

    next: Literal["train", "approve", "ended"]
    status: ImprovementStatus | Literal["busy", "ignored", "repeated"]
    job: str = ""
    training: AnyJson = None
    seconds: int = 0
    reasons: tuple[str, ...] = ()


class ImprovementEnded(BusEvent):
    """A run that improves a model has ended, as `status` says and for `reasons`."""

    detail_type: ClassVar[str] = "improvement.ended"

    tenant: str
    model: str
    run_id: str
    trigger: ImprovementTrigger
    status: ImprovementEnd
    reasons: tuple[str, ...]
    pairs: int = Field(ge=0)
    candidate: str
    time: AwareDatetime
