"""Tunings brought to their ends: trials are begun as others end, also after a kill.

What a trial is to be is kept before its training job is made, so that a killed cloud makes the same
one. A step looks at what is there and does what is missing; it may be done again at any time.
https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-ex-tuning-job.html
https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-limits.html
"""

from __future__ import annotations

import logging
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.sagemaker.jobs.record import Job, Jobs
from localcloud.sagemaker.training.jobs import TrainingOperations
from localcloud.sagemaker.tuning.strategies import propose
from localcloud.sagemaker.tuning.trials import (
    Objective,
    Trial,
    best,
    name_of,
    request,
    space_of,
    tried,
)

FAILED_AT_MOST = 5
"""After so many trials without one that succeeded a tuning fails, as on AWS."""
_LOOK_S = 0.5
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tuning:
    """A tuning with its trials, as they are now."""

    job: Job
    trials: tuple[Trial, ...]

    @property
    def config(self) -> Mapping[str, Any]:
        """Return the HyperParameterTuningJobConfig."""
        found: Mapping[str, Any] = self.job.asked["HyperParameterTuningJobConfig"]
        return found

    @property
    def objective(self) -> Objective:
        """Return what it is for."""
        return Objective.of(self.job.asked)

    @property
    def going(self) -> list[Trial]:
        """Return the trials that have not ended."""
        return [each for each in self.trials if each.going]

    @property
    def most(self) -> int | None:
        """Return how many trials there may be, None where time alone is the limit."""
        combinations = space_of(self.job.asked).combinations
        if self.config["Strategy"] == "Grid":
            return combinations
        found = self.config["ResourceLimits"].get("MaxNumberOfTrainingJobs")
        return None if found is None else int(found)


class Tuner:
    """Goes on with tunings, in a thread of its own."""

    def __init__(self, jobs: Jobs, training: TrainingOperations, arn: Callable[[str], str]) -> None:
        """Keep tunings in `jobs` and run trials by `training`; `arn` names a tuning."""
        self._jobs = jobs
        self._training = training
        self._arn = arn
        self._bell = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="sagemaker-tuning", daemon=True)

    def start(self) -> None:
        """Go on with what was begun, and take what comes."""
        self._bell.set()
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more; what was begun goes on at the next start."""
        self._closing = True
        self._bell.set()
        if self._thread.ident is not None:
            self._thread.join(4)

    def ring(self) -> None:
        """Have a look: something was asked for, or a training job ended."""
        self._bell.set()

    def look(self, job: Job) -> Tuning:
        """Return a tuning as it is now."""
        metric = Objective.of(job.asked).metric
        trials = [
            Trial(each["name"], each["tuned"], self._training.find(each["name"]), metric)
            for each in job.told.get("trials", ())
        ]
        return Tuning(job, tuple(trials))

    def _work(self) -> None:
        while not self._closing:
            going = self._jobs.going("tuning")
            self._bell.wait(_LOOK_S if going else None)
            self._bell.clear()
            for job in () if self._closing else self._jobs.going("tuning"):
                self._go_on(job)

    def _go_on(self, job: Job) -> None:
        try:
            self._step(job)
        except Exception as error:  # noqa: BLE001 - a job must not stay in progress
            _log.exception("the tuning job %s could not go on", job.name)
            reason = f"InternalServerError: The local cloud failed: {error}"
            self._jobs.settle("tuning", job.name, "Failed", reason)

    def _step(self, job: Job) -> None:
        tuning = self.look(job)
        for each in tuning.trials:
            if each.job is None:
                self._training.begin(request(job.asked, self._arn(job.name), each.name, each.tuned))
        over = self._over(tuning)
        if over is None:
            over = self._fill(tuning)
        now = self._jobs.get("tuning", job.name)
        if over is not None and now is not None:
            self._end(self.look(now), over)

    def _over(self, tuning: Tuning) -> str | None:
        """Return why no more trials are begun, "" for no reason to tell; None where more are."""
        if tuning.job.status == "Stopping":
            return "asked"
        limit = tuning.config["ResourceLimits"].get("MaxRuntimeInSeconds")
        if limit is not None and self._jobs.now() > tuning.job.created_at + limit:
            return "time"
        if _is_good_enough(tuning):
            return "good enough"
        ended = [each for each in tuning.trials if not each.going]
        if len(ended) >= FAILED_AT_MOST and all(each.value is None for each in ended):
            return "failing"
        return None

    def _fill(self, tuning: Tuning) -> str | None:
        """Begin trials while there is room; return "done" where no more are to be begun."""
        config, job = tuning.config, tuning.job
        room = config["ResourceLimits"]["MaxParallelTrainingJobs"] - len(tuning.going)
        seed = config.get("RandomSeed", zlib.crc32(job.name.lower().encode()))
        trials = list(tuning.trials)
        while tuning.most is None or len(trials) < tuning.most:
            if room <= 0:
                return None
            tuned = propose(
                config["Strategy"], space_of(job.asked), seed, tried(trials, tuning.objective)
            )
            if tuned is None:
                break
            name = name_of(job.name, len(trials) + 1)
            trials.append(Trial(name, tuned, None, tuning.objective.metric))
            kept = [{"name": each.name, "tuned": dict(each.tuned)} for each in trials]
            self._jobs.change("tuning", job.name, told={**job.told, "trials": kept})
            self._training.begin(request(job.asked, self._arn(job.name), name, tuned))
            room -= 1
        return "done"

    def _end(self, tuning: Tuning, why: str) -> None:
        """End a tuning whose trials have; those that go on are stopped, unless all is begun."""
        if tuning.going:
            for each in tuning.going if why != "done" else ():
                self._training.stop(each.name)
            return
        name = tuning.job.name
        if why == "asked":
            self._jobs.settle("tuning", name, "Stopped")
        elif best(tuning.trials, tuning.objective) is None:
            self._jobs.settle("tuning", name, "Failed", _failed(tuning))
        else:
            self._jobs.settle("tuning", name, "Completed")


def _is_good_enough(tuning: Tuning) -> bool:
    """Tell whether a criterion of completion is met by the trials that ended."""
    criteria, objective = tuning.config.get("TuningJobCompletionCriteria", {}), tuning.objective
    values = [each.value for each in tuning.trials if each.value is not None]
    target = criteria.get("TargetObjectiveMetricValue")
    if target is not None and any(objective.reached(each, target) for each in values):
        return True
    improving = criteria.get("BestObjectiveNotImproving", {})
    still: int | None = improving.get("MaxNumberOfTrainingJobsNotImproving")
    if still is None or not values:
        return False
    scores = [objective.score(each) for each in values]
    return len(scores) - 1 - scores.index(max(scores)) >= still


def _failed(tuning: Tuning) -> str:
    """Return why a tuning failed: no trial had a value, and what the last of them said."""
    ended = len(tuning.trials)
    last = tuning.trials[-1] if tuning.trials else None
    if last is None or last.job is None:
        return "No training job was begun in the time that the tuning had."
    said = last.job.reason or f"it ended as {last.job.secondary} without {last.metric}"
    return f"No training job succeeded after {ended} attempts. The last, {last.name}: {said}"
