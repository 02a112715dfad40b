"""What ends a job of training. Each says what is wrong and what to do; the text becomes the job's
FailureReason.

TrainingFailure
├── BadRecipe    a recipe or what overrides it has a wrong field
├── BadJob       the job's folders or configuration are not as the contract has them
├── BadData      a channel has broken rows, or none
│   └── NoDataset  a data set's package cannot be had here
├── BadCheckpoint  what is kept is of another training, or cannot be read
├── Diverged     a loss is no number any more
├── ModeCollapse  a generator draws always the same
├── DiskFull     what was made could not be kept
├── OutOfParity  an exported graph does not say what the network says
├── BelowGate    an evaluation is not what the recipe asks for
└── BelowChampion  what serves now is better
"""

from __future__ import annotations


class TrainingFailure(Exception):  # noqa: N818 - the root of errors that are named for what happened
    """The root of what ends a job on purpose."""


class BadRecipe(TrainingFailure):
    """A recipe or what overrides it has a wrong field; the message names it."""


class BadJob(TrainingFailure):
    """The job's folders or configuration are not as the contract has them."""


class BadData(TrainingFailure):
    """A channel has broken rows, or none; the message names the file and the row."""


class NoDataset(BadData):
    """A data set's package cannot be had here; the message says what it needs."""


class BadCheckpoint(TrainingFailure):
    """What is kept is of another training, or cannot be read."""


class Diverged(TrainingFailure):
    """A loss is no number any more; the message names the step."""


class ModeCollapse(TrainingFailure):
    """A generator draws always the same; the message names the step, the spread and its bound."""


class DiskFull(TrainingFailure):
    """What was made could not be kept; the message names the file and what is free."""


class OutOfParity(TrainingFailure):
    """An exported graph does not say what the network says."""


class BelowGate(TrainingFailure):
    """An evaluation is not what the recipe asks for; the message names each value and its gate."""


class BelowChampion(TrainingFailure):
    """What serves now is better; the message names each number and by how much."""


class Interrupted(Exception):  # noqa: N818
    """SIGTERM came, and what was done so far is kept. No failure: the same job may go on."""
