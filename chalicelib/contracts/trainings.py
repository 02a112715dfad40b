"""`/v1/trainings`: trainings of the stage while they run and after, and the cards of what came."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.model_card import ModelCard, TrainingProgress

TrainingState = Literal["running", "stopping", "stopped", "completed", "failed"]


class TrainingSummary(Contract):
    """A training job of SageMaker, by its name."""

    name: str
    state: TrainingState
    created_at: AwareDatetime
    ended_at: AwareDatetime | None = None


class TrainingList(Contract):
    """Trainings of the stage, newest first. Pages may have fewer than were asked for."""

    items: tuple[TrainingSummary, ...]
    next_cursor: str | None = None


class TrainingStep(Contract):
    """A job of a training: where SageMaker is with it (`phase`), and why it failed (`reason`)."""

    state: TrainingState
    phase: str
    reason: str = ""
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None


class TrainingView(TrainingSummary):
    """A training with its curves so far.

    `training` is the job that learns, and `finishing` the one that judges, exports and writes the
    card, once it was begun. `progress` is null before the first step, and of a trial of a tuning.
    """

    recipe: str = ""
    preset: str = ""
    instance: str = ""
    training: TrainingStep
    finishing: TrainingStep | None = None
    progress: TrainingProgress | None = None


class CardPicture(Contract):
    """A picture of a card; `url` is presigned."""

    name: str
    url: str


class ModelCardView(Contract):
    """The card of a model, with addresses of its pictures that are valid until `expires_at`."""

    training: str
    card: ModelCard
    pictures: tuple[CardPicture, ...] = Field(default=())
    expires_at: AwareDatetime
