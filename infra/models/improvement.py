"""Improvement of a served model by what reviewers prefer: `headrace improve`.

A plan says what runs learn from and how they train. It holds the requests of both trainings with
marks for what only a run knows, so that the stage can train without an operator's machine. Runs go
through the state machine `improve`; the operator approves what comes of them.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.improvements import ImprovementTable
from chalicelib.adapters.records.labelling import LabelTable
from chalicelib.contracts.improvement import (
    CHAMPION_MARK,
    REWARD_MARK,
    RUN_MARK,
    ImprovementPlan,
    ImprovementRun,
)
from chalicelib.contracts.serving import Serving
from chalicelib.errors import HeadraceError
from chalicelib.generation.model_file import served_models
from chalicelib.generation.models import FunctionBackend
from infra import stages
from infra.models import approval
from infra.models.registry import APPROVED, Registry, VersionNotFoundError, group_of
from infra.models.serving import VersionServing
from infra.models.training import (
    StageTraining,
    TrainingError,
    data_prefix,
    machine_input,
    training_name,
    translate_training_errors,
)
from infra.models.training_environment import INTERPRETER
from infra.models.version_files import ServingError
from models.failures import TrainingFailure
from models.sagemaker.job_requests import JobSpec
from models.training import metrics, recipe
from models.training.job import CHAMPION_CHANNEL, TRAINING_CHANNEL
from models.training.recipe import PresetName
from models.training.targets import TargetName

REWARD, CANDIDATE = "reward_model", "aligned"
POLICY_CHANNEL, REWARD_CHANNEL = "policy", "reward"
WIN_RATE = ("win_rate", "win_rate_low", "win_rate_high")
"""The metrics of the duel with the champion, which a candidate's request asks for beside gates."""
_NAMED = "runxrunxrunx"
"""The id of a run in requests that are checked; names have no marks."""
_ATTEMPTS = 5
_LOST_TOKENS = ("TaskDoesNotExist", "TaskTimedOut", "InvalidToken")


class ImprovementError(Exception):
    """Raised when a plan, a run or a verdict cannot be, with what to do about it."""


@contextmanager
def translate_improvement_errors() -> Iterator[None]:
    """Turn errors of AWS, of trainings and of the product into `ImprovementError`."""
    try:
        with translate_training_errors():
            yield
    except HeadraceError as error:
        raise ImprovementError(error.message) from error
    except (TrainingError, TrainingFailure, ServingError, VersionNotFoundError) as error:
        raise ImprovementError(str(error)) from error


@dataclass(frozen=True, slots=True)
class ImprovementTerms:
    """What an operator asks of a plan.

    `limits` are those of the quality gate by name. `settings` and `reward_settings` override the
    recipes' presets. `policy` is the ARN of the version that trainings begin from, "" for the
    newest approved one; one that is not approved takes `unapproved`, a reason.
    """

    tenant: str
    model: str
    tasks: tuple[str, ...] = ()
    ratings: bool = False
    limits: Mapping[str, float] = field(default_factory=dict)
    new_pairs: int = 100
    preset: PresetName = "tiny"
    target: TargetName = "cpu"
    settings: Mapping[str, Any] = field(default_factory=dict)
    reward_settings: Mapping[str, Any] = field(default_factory=dict)
    policy: str = ""
    unapproved: str = ""


def _now() -> datetime:
    return datetime.now(UTC)


class StageImprovement:
    """Plans and runs of one stage."""

    def __init__(
        self,
        place: stages.StageConnection,
        interpreter: Path = INTERPRETER,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """Connect to the stage by `place`; `interpreter` prepares data."""
        self._place = place
        self._training = StageTraining(place, interpreter)
        self._table = DynamoTable(place.client("dynamodb"), place.outputs["RecordsTableName"])
        self._records = ImprovementTable(self._table)
        self._now = now

    def plan(self, terms: ImprovementTerms) -> ImprovementPlan:
        """Upload code and data, and store the plan in place of the one before.

        Raises:
            ImprovementError: the model is not one that preferences improve, there is nothing to
                learn from, or a task is not there or not of pairs.
            TrainingFailure: a setting is wrong, or there is no policy to begin from.
            HeadraceError, ClientError: the stage refuses.
        """
        self._require_sources(terms)
        home = self._training.home
        prepared = JobSpec(
            training_name(home, "improve"), recipe.load(REWARD), terms.preset, terms.target
        )
        code = f"s3://{home.bucket}/models/code/{prepared.job_name}.tar.gz"
        reward, candidate = self._inputs(terms, code)
        self._training.put(prepared)
        self._training.create_group(replace(prepared, recipe=recipe.load(CANDIDATE)))
        made = ImprovementPlan(
            tenant=terms.tenant,
            model=terms.model,
            tasks=terms.tasks,
            ratings=terms.ratings,
            **terms.limits,  # type: ignore[arg-type]
            new_pairs=terms.new_pairs,
            bucket=home.bucket,
            channel=data_prefix(prepared.recipe.dataset.name),
            reward=reward,
            candidate=candidate,
        )
        self._records.put_plan(made)
        return made

    def start(self, tenant: str, model: str) -> str:
        """Begin a run and return its id. Raises `ImprovementError`, `ClientError`."""
        if self._records.plan(tenant, model) is None:
            raise ImprovementError(
                f"{tenant} has no plan for {model}; `headrace improve plan {model} --tenant "
                f"{tenant} --task TASK` makes one."
            )
        if running := [each for each in self._records.runs(tenant, model) if each.is_open]:
            raise ImprovementError(
                f"The run {running[0].run_id} is at {running[0].status}; wait for its end, or end "
                f"it by `headrace improve stop {model} --tenant {tenant}`."
            )
        run_id = str(uuid.uuid4())
        given = {"tenant": tenant, "model": model, "run_id": run_id, "trigger": "operator"}
        self._place.client("stepfunctions").start_execution(
            stateMachineArn=self._training.home.machine.removesuffix("train") + "improve",
            name=run_id,
            input=json.dumps(given),
        )
        return run_id

    def runs(self, tenant: str, model: str) -> Sequence[ImprovementRun]:
        """Return the runs of a model, newest first."""
        return self._records.runs(tenant, model)

    def approve(self, tenant: str, model: str, comment: str, *, unapproved: bool) -> Serving:
        """Approve the candidate that waits, with the reward model that it begins from, and serve it
        as the candidate beside the champion, to nobody yet; may be repeated.

        Raises:
            ImprovementError: no candidate waits.
            ServingError: it cannot be served; `unapproved` overrides its preset and its gates.
        """
        run = self._waiting(tenant, model)
        registry, client = Registry(self._place.client), self._place.client
        assert run.candidate is not None
        arns = [each.arn for each in (run.reward, run.candidate) if each is not None]
        versions = [registry.version(arn) for arn in arns]
        for version in versions:
            approval.set_status(client, version, APPROVED, comment)
        try:
            serving = VersionServing(self._place).serve(
                model, run.candidate.arn, unapproved=unapproved, share=0
            )
        except ServingError:
            for version in versions:
                approval.set_status(client, version, version.status, "")
            raise
        self._wake(run)
        return serving

    def reject(self, tenant: str, model: str, comment: str) -> str:
        """Reject the candidate that waits, and return its ARN. Raises `ImprovementError`."""
        run = self._waiting(tenant, model)
        assert run.candidate is not None
        version = Registry(self._place.client).version(run.candidate.arn)
        approval.set_status(self._place.client, version, approval.REJECTED, comment)
        self._wake(run)
        return version.arn

    def stop(self, tenant: str, model: str) -> str:
        """End the open run of a model, whatever it is at, and return its id.

        Raises:
            ImprovementError: none is open, or it keeps changing.
        """
        for _ in range(_ATTEMPTS):
            run = self._open_run(tenant, model)
            with suppress(self._states.exceptions.ExecutionDoesNotExist):
                self._states.stop_execution(executionArn=run.execution)
            fresh = {"revision": run.revision + 1, "updated_at": self._now(), "task_token": ""}
            ended = {"status": "stopped", "reasons": ("An operator stopped it.",)}
            if self._records.change(run.model_copy(update={**ended, **fresh, "next_command": ""})):
                return run.run_id
        raise ImprovementError(f"The run of {model} keeps changing; try again.")

    @property
    def _states(self) -> Any:
        return self._place.client("stepfunctions")

    def _require_sources(self, terms: ImprovementTerms) -> None:
        served = served_models().models.get(terms.model)
        backend = served.backend if served is not None else None
        if not isinstance(backend, FunctionBackend) or CANDIDATE not in backend.recipes:
            named = ", ".join(
                each.name
                for each in served_models().models.values()
                if isinstance(each.backend, FunctionBackend) and CANDIDATE in each.backend.recipes
            )
            raise ImprovementError(
                f"Preferences do not improve {terms.model}: no version of {CANDIDATE} serves as "
                f"it. They improve {named}."
            )
        if not terms.tasks and not terms.ratings:
            raise ImprovementError("Name a task of pairs by --task, or --ratings, or both.")
        labels = LabelTable(self._table)
        for task_id in terms.tasks:
            task = labels.task(terms.tenant, task_id)
            if task is None:
                raise ImprovementError(f"{terms.tenant} has no labelling task {task_id}.")
            if task.kind != "pair":
                raise ImprovementError(
                    f"{task_id} is a task of the kind {task.kind}; preferences come of pairs."
                )

    def _inputs(self, terms: ImprovementTerms, code: str) -> tuple[str, str]:
        """Return the inputs of both trainings, as JSON with marks."""
        bucket = self._training.home.bucket
        data = f"s3://{bucket}/models/pairs/{terms.tenant}/{_NAMED}/"
        given = {POLICY_CHANNEL: terms.policy} if terms.policy else {}
        first = self._spec(REWARD, terms, terms.reward_settings)
        first, places = self._training.from_bases(first, given)
        channels = {**places.channels, TRAINING_CHANNEL: data}
        reward = machine_input(
            self._group(REWARD), first, replace(places, code=code, channels=channels), {}
        )
        second = replace(
            self._spec(CANDIDATE, terms, terms.settings), unapproved_bases=first.unapproved_bases
        )
        places = replace(
            self._training.locations(second),
            code=code,
            channels={**channels, REWARD_CHANNEL: REWARD_MARK},
        )
        champion = {CHAMPION_CHANNEL: CHAMPION_MARK}
        candidate = machine_input(self._group(CANDIDATE), second, places, champion)
        measured = candidate["finishing"]["AlgorithmSpecification"]["MetricDefinitions"]
        measured += metrics.metric_definitions(WIN_RATE)
        marked = (json.dumps(each).replace(_NAMED, RUN_MARK) for each in (reward, candidate))
        return next(marked), next(marked)

    def _spec(self, name: str, terms: ImprovementTerms, settings: Mapping[str, Any]) -> JobSpec:
        found = recipe.load(name)
        recipe.resolve(found, terms.preset, dict(settings))
        return JobSpec(
            f"{group_of(self._training.home.stage, name)}-{_NAMED}",
            found,
            terms.preset,
            terms.target,
            settings,
            unapproved_bases=terms.unapproved,
            rows_of_people=True,
        )

    def _group(self, name: str) -> str:
        return group_of(self._training.home.stage, name)

    def _open_run(self, tenant: str, model: str) -> ImprovementRun:
        for run in self._records.runs(tenant, model):
            if run.is_open:
                return run
        raise ImprovementError(f"No run of {model} is open.")

    def _waiting(self, tenant: str, model: str) -> ImprovementRun:
        run = self._open_run(tenant, model)
        if run.status != "approval":
            raise ImprovementError(
                f"The run {run.run_id} is at {run.status}, and has no candidate to decide on yet."
            )
        return run

    def _wake(self, run: ImprovementRun) -> None:
        """Have the execution that waits look at the registry.

        The token is read after the verdict was written: a token that is kept later is kept by an
        execution that then looks at the verdict itself.
        """
        found = self._records.run(run.tenant, run.model, run.run_id)
        if found is None or not found.task_token:
            return
        try:
            self._states.send_task_success(taskToken=found.task_token, output="{}")
        except ClientError as error:
            if error.response["Error"]["Code"] not in _LOST_TOKENS:
                raise
