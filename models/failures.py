"""Errors that end a training job. Their text becomes the FailureReason of the job.

Each says what is wrong and what to do.

TrainingFailure
├── BadRecipe    a recipe or what overrides it has a wrong field
├── BadJob       the job's folders or configuration break the contract
├── BadData      a channel has broken rows, or none
│   └── NoDataset  a data set's package cannot be downloaded
├── BadCheckpoint  a checkpoint is of another training, or unreadable
├── Diverged     a loss is not finite
├── ModeCollapse  a generator draws the same picture again and again
├── DiskFull     the disk is full
├── OutOfParity  an exported graph differs from its network
├── StaleJudge   a judge was fitted on other data than that which it judges
├── NotFinite    weights, pictures or metrics of a trained network are nan or infinite
├── BelowGate    a metric misses its gate
└── BelowChampion  the approved model is better
"""

from __future__ import annotations


class TrainingFailure(Exception):  # noqa: N818 - the root of errors that are named for what happened
    """The root of the errors that end a job."""


class BadRecipe(TrainingFailure):
    """A recipe or an override has a wrong field; the message names it."""


class BadJob(TrainingFailure):
    """The job's folders or configuration break the contract."""


class BadData(TrainingFailure):
    """A channel has broken rows, or none; the message names the file and the row."""


class NoDataset(BadData):
    """A data set's package cannot be downloaded; the message says what it needs."""


class BadCheckpoint(TrainingFailure):
    """A checkpoint is of another training, or cannot be read."""


class Diverged(TrainingFailure):
    """A loss is not finite; the message names the step."""


class ModeCollapse(TrainingFailure):
    """A generator draws the same again and again; the message has step, spread and bound."""


class DiskFull(TrainingFailure):
    """The disk is full; the message names the file and the free bytes."""


class OutOfParity(TrainingFailure):
    """An exported graph differs from its network."""


class StaleJudge(TrainingFailure):
    """A judge was fitted on other data than that which it judges; the message names both."""


class NotFinite(TrainingFailure):
    """Something of a trained network is nan or infinite; the message names what."""


class BelowGate(TrainingFailure):
    """A metric misses its gate; the message names each value and its gate."""


class BelowChampion(TrainingFailure):
    """The approved model is better; the message names each metric and by how much."""


class Interrupted(Exception):  # noqa: N818
    """SIGTERM stopped the job after a checkpoint; the same job can continue."""
