"""What follows a training that is a trial of a tuning: it is judged in the same job, so that the
tuning sees the numbers of the gates. No gate is held, and nothing is exported.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from models.common import artefacts, metrics
from models.common.family import family
from models.common.finishing import restored
from models.common.job import TRAINING_CHANNEL, Job


def judge_trial(job: Job, say: Callable[[str], None]) -> None:
    """Judge what the job's training left in its model folder, and print the numbers.

    Raises BadData where it left nothing whole.
    """
    with tempfile.TemporaryDirectory() as scratch:
        trained = artefacts.find(job.model, Path(scratch) / "unpacked")
        settings, network = restored(trained)
        code = family(trained.training.recipe)
        data = code.load(job.channel(TRAINING_CHANNEL))
        say(metrics.line(settings.steps, code.evaluate(network, data, settings).numbers))
