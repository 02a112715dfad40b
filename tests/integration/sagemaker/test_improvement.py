"""A plan made, labels refused, a run begun and stopped; in a soak, a whole loop to a candidate.

The state machines and the function are those of the template, jobs are real processes. It needs the
training environment, which `make training` makes.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.adapters.dynamodb import DynamoTable, Put
from chalicelib.adapters.records.labelling import LabelTable
from chalicelib.contracts.improvement import ImprovementRun
from chalicelib.contracts.labelling import LabellingItem, PairItem, SubmitLabelRequest
from infra.models.improvement import ImprovementError, ImprovementTerms, StageImprovement
from infra.models.serving import VersionServing
from infra.models.version_files import ServingError
from infra.stages import StageConnection
from localcloud.composition import LocalCloud, run_cloud
from localcloud.sagemaker.jobs.program import INTERPRETER
from tests.architecture.templates import plain
from tests.cloud import PROJECT
from tests.exported_models import packed, registered
from tests.integration.sagemaker.test_real_training import BUCKET, ON, OUTPUTS
from tests.integration.sagemaker.test_real_training import NAMES as TRAINING
from tests.soak import WHOLE
from tests.trained_models import data_folder, ensure_trained, files
from tests.unit.labelling.fakes import TENANT, Desk, terms

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not INTERPRETER.exists(), reason="make training has not been run"),
]
MODEL = "aligned-lm"
NAMES = (
    *TRAINING,
    *("RecordsTable", "FunctionLogs", "ImproveModelFunction", "ImproveModelFunctionRole"),
    *("ImproveMachine", "ImproveMachineRole"),
)
PAIRS = 140
TABLE = "headrace-try-records"
SMOKE: dict[str, Any] = {
    "preset": "smoke",
    "settings": {"method": "ppo", "steps": 60},
    "reward_settings": {"steps": 120},
}
LAX = {"min_alpha": 0.0, "min_gold_accuracy": 0.0}


@dataclass(frozen=True)
class Stage:
    """A stage that trains, serves a policy, and has a task of labelled pairs."""

    cloud: LocalCloud
    place: StageConnection
    improvement: StageImprovement
    task_id: str

    def newest(self) -> ImprovementRun | None:
        runs = self.improvement.runs(TENANT, MODEL)
        return runs[0] if runs else None

    def until(self, wanted: Callable[[ImprovementRun], bool], seconds: float) -> ImprovementRun:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            run = self.newest()
            if run is not None and wanted(run):
                return run
            time.sleep(0.3)
        raise AssertionError(f"The run did not get there: {self.newest()}")

    def plan(self, **given: Any) -> None:
        asked = {"tenant": TENANT, "model": MODEL, "tasks": (self.task_id,), **SMOKE, **given}
        self.improvement.plan(ImprovementTerms(**asked))


def template() -> dict[str, Any]:
    whole = plain("try")
    key = {"Type": "AWS::KMS::Key", "Condition": "MakesKey", "Properties": {"KeyPolicy": {}}}
    resources = {name: whole["Resources"][name] for name in NAMES}
    made = {name: whole[name] for name in ("Parameters", "Conditions")}
    return {**made, "Resources": {**resources, "StageKey": key}}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    policy = packed(files(ensure_trained("policy")["policy"]))
    with run_cloud(tmp_path_factory.mktemp("stage"), template(), ON, PROJECT, 0) as (cloud, _):
        place = StageConnection(cloud.client, {**OUTPUTS, "RecordsTableName": TABLE})
        table = DynamoTable(cloud.client("dynamodb"), TABLE)
        table.put(Put({"pk": f"TENANT#{TENANT}", "sk": "TENANT"}))
        group = "headrace-try-policy"
        cloud.client("sagemaker").create_model_package_group(ModelPackageGroupName=group)
        arn = registered(cloud.client, (BUCKET, group), policy, "Approved")
        VersionServing(place).serve(MODEL, arn, unapproved=True)
        yield Stage(cloud, place, StageImprovement(place), labelled(table))


def labelled(table: DynamoTable) -> str:
    """Have one reviewer label pairs of the data set; return the task."""
    desk = Desk(LabelTable(table))
    task_id = desk.tasks.create(TENANT, terms(reviews=1)).task_id
    items = pair_items()
    for at in range(0, len(items), 100):
        desk.tasks.add(TENANT, task_id, items[at : at + 100])
    better = {(item.prompt, item.a) for item in items if isinstance(item, PairItem)}
    while (claim := desk.queue.next_claim(TENANT, task_id, "ann").claim) is not None:
        shown = claim.content
        label = "first" if (shown.prompt, shown.first) in better else "second"
        body = SubmitLabelRequest(label=label)
        desk.queue.submit(TENANT, task_id, claim.claim_id, "ann", body)
    return task_id


def pair_items() -> list[LabellingItem]:
    folder = data_folder("preferences")
    rows = [
        json.loads(line)
        for name in ("pairs-train.jsonl", "pairs-test.jsonl")
        for line in (folder / name).read_text().splitlines()[:PAIRS]
    ]
    random.Random(0).shuffle(rows)
    return [
        PairItem(type="pair", id=f"{n}", prompt=row["prompt"], a=row["chosen"], b=row["rejected"])
        for n, row in enumerate(rows[:PAIRS])
    ]


def test_what_is_no_plan_should_be_refused_before_anything_is_sent(stage: Stage) -> None:
    with pytest.raises(ImprovementError, match="has no labelling task lt_none"):
        stage.plan(tasks=("lt_none",))
    with pytest.raises(ImprovementError, match="They improve aligned-lm"):
        stage.plan(model="vae")
    with pytest.raises(ImprovementError, match="Name a task"):
        stage.plan(tasks=())
    with pytest.raises(ImprovementError, match="has no plan for aligned-lm"):
        stage.improvement.start("planless", MODEL)


def test_a_run_should_stop_at_the_gate_or_train_on_what_passes(stage: Stage) -> None:
    stage.plan()
    stage.improvement.start(TENANT, MODEL)
    refused = stage.until(lambda run: not run.is_open, 60)
    assert refused.status == "refused"
    assert any("no agreement can be measured" in reason for reason in refused.reasons)
    stage.plan(limits=LAX)
    run_id = stage.improvement.start(TENANT, MODEL)
    run = stage.until(lambda run: run.run_id == run_id and run.status == "reward", 60)
    with pytest.raises(ImprovementError, match="is at reward; wait for its end"):
        stage.improvement.start(TENANT, MODEL)
    with pytest.raises(ImprovementError, match="has no candidate to decide on"):
        stage.improvement.approve(TENANT, MODEL, "", unapproved=True)
    sagemaker, ends = stage.cloud.client("sagemaker"), time.monotonic() + 60
    job = f"headrace-try-reward-model-{run.short_id}"
    while time.monotonic() < ends:
        begun = sagemaker.list_training_jobs()["TrainingJobSummaries"]
        if job in [each["TrainingJobName"] for each in begun]:
            break
        time.sleep(0.2)
    asked = sagemaker.describe_training_job(TrainingJobName=job)
    channels = {
        each["ChannelName"]: each["DataSource"]["S3DataSource"]["S3Uri"]
        for each in asked["InputDataConfig"]
    }
    assert channels["training"] == f"s3://{BUCKET}/models/pairs/{TENANT}/{run.short_id}/"
    assert set(channels) == {"training", "policy"}
    assert stage.improvement.stop(TENANT, MODEL) == run_id
    assert stage.until(lambda run: not run.is_open, 10).status == "stopped"


@pytest.mark.skipif(not WHOLE, reason="four jobs of a minute of processor time: make soak")
def test_a_loop_should_go_from_labels_to_a_candidate_that_beats_what_serves(stage: Stage) -> None:
    stage.plan(limits=LAX)
    run_id = stage.improvement.start(TENANT, MODEL)

    def decided(run: ImprovementRun) -> bool:
        return run.run_id == run_id and (run.status == "approval" or not run.is_open)

    run = stage.until(decided, 500)
    assert run.status == "approval", run.reasons
    assert run.candidate is not None
    assert run.candidate.metrics["win_rate_low"] > 0.5
    with pytest.raises(ServingError, match="of the preset smoke"):
        stage.improvement.approve(TENANT, MODEL, "", unapproved=False)
    package = {"ModelPackageName": run.candidate.arn}
    shown = stage.cloud.client("sagemaker").describe_model_package(**package)
    assert shown["ModelApprovalStatus"] == "PendingManualApproval", "nothing half done"
    serving = stage.improvement.approve(TENANT, MODEL, "Reads well.", unapproved=True)
    assert serving.candidate is not None
    assert (serving.candidate.arn, serving.share) == (run.candidate.arn, 0)
    done = stage.until(lambda run: not run.is_open, 60)
    assert (done.status, done.reasons) == ("done", ())
    assert done.next_command == f"headrace rollouts start model:{MODEL} {MODEL}@candidate"
