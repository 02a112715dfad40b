"""The progress of a training with its curves, and the card of the model that it made.

Jobs write both into their checkpoint folder, which SageMaker copies to S3 while a job runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import Contract

PROGRESS_FILE = "progress.json"
"""The progress of a training, in its checkpoint folder."""
CARD_FOLDER, CARD_FILE = "card", "card.json"
"""The card and its pictures, in the checkpoint folder of the job that finishes a training."""

ProgressState = Literal["running", "completed", "interrupted", "diverged", "failed"]


class TrainingCurves(Contract):
    """Metrics over the steps of a training, thinned to a bounded number of points.

    A point is the mean of the steps since the point before; `steps` has its last step. A value is
    null where none of them has the metric, or none that is finite.
    """

    steps: tuple[int, ...] = ()
    values: Mapping[str, tuple[float | None, ...]] = Field(default_factory=dict)


class TrainingProgress(Contract):
    """The step of a training, of `steps`; `message` says why it ended, if not by itself."""

    state: ProgressState
    step: int
    steps: int
    message: str = ""
    updated_at: AwareDatetime
    curves: TrainingCurves


class CardNumber(Contract):
    """A number of the evaluation, or why it is unknown; and the gate that it had to reach."""

    name: str
    value: float | None = None
    unknown: str = ""
    gate: str = ""
    missed: bool = False


class CardDifference(Contract):
    """A number beside the champion's: the interval of the difference has a confidence of 95 %."""

    name: str
    champion: float
    challenger: float
    low: float
    high: float
    p: float


class CardGraph(Contract):
    """A graph that serves: `parity` is the most by which it differed from the network."""

    file: str
    takes: str
    gives: str
    size: int
    parity: float


class CardFact(Contract):
    """A line of the card: where the data is from, a setting, a version."""

    name: str
    value: str


class CardProblem(Contract):
    """A problem of a user's own rows that was found and accepted."""

    name: str
    rows: int
    about: str


class ModelCard(Contract):
    """A trained model: its evaluation, its graphs, its data and its origin.

    `verdict` says whether it may serve and what speaks against it, `pictures` are PNG files beside
    the card.
    """

    name: str
    about: str
    verdict: str
    pictures: tuple[str, ...] = ()
    numbers: tuple[CardNumber, ...] = ()
    differences: tuple[CardDifference, ...] = ()
    graphs: tuple[CardGraph, ...] = ()
    data: tuple[CardFact, ...] = ()
    problems: tuple[CardProblem, ...] = ()
    origin: tuple[CardFact, ...] = ()
    curves: TrainingCurves = TrainingCurves()
