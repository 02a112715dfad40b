"""Runs that improve a model: each step, each ending, and steps that come twice or are cut off."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.dynamodb import DynamoTable, Put
from chalicelib.adapters.records.improvements import ImprovementTable
from chalicelib.contracts.improvement import (
    APPROVAL_DAYS,
    ImprovementEnded,
    ImprovementPlan,
    ImprovementRun,
    ImprovementTrigger,
    ImproveModelRequest,
    ImproveModelResult,
    TrainedVersion,
)
from chalicelib.contracts.labelling import LabellingItem, PairItem, SubmitLabelRequest
from chalicelib.contracts.serving import ServedVersion, Serving, pointer_key
from chalicelib.errors import MoreSteps, NotFound, Transient
from functions.improve_model import core
from functions.improve_model.pair_source import PairSource
from tests.tables import dynamodb_client
from tests.unit.functions.improve_model.fakes import FakeBucket, FakeRegistry
from tests.unit.labelling.fakes import NOW, TENANT, Desk, pairs, terms
from tests.unit.labelling.test_preferences import rating
from tests.unit.rollouts.fakes import FakeBus

MODEL, RUN = "aligned-lm", "17793124-05d4-b198-2fde-7ededc63b103"
EXECUTION = f"arn:aws:states:eu-west-1:1:execution:headrace-dev-improve:{RUN}"
CHAMPION, CANDIDATE, REWARD = (
    f"arn:aws:sagemaker:eu-west-1:1:model-package/headrace-dev-{name}"
    for name in ("policy/1", "aligned/1", "reward-model/1")
)
SHORT = "1779312405d4"
TRAINING = {"training": {"TrainingJobName": "{name}-{run}"}, "channels": ["{reward}", "{champion}"]}
BETTER = {"win_rate": 0.8, "win_rate_low": 0.77, "win_rate_high": 0.83}
EVEN = {"win_rate": 0.51, "win_rate_low": 0.48, "win_rate_high": 0.54}


@dataclass
class World:
    """A stage with a plan, its labels, and whatever surrounds a run."""

    table: DynamoTable
    desk: Desk = field(default_factory=Desk)
    bucket: FakeBucket = field(default_factory=FakeBucket)
    registry: FakeRegistry = field(default_factory=FakeRegistry)
    bus: FakeBus = field(default_factory=FakeBus)
    now: datetime = NOW
    task_id: str = ""

    def __post_init__(self) -> None:
        self.table.put(Put({"pk": f"TENANT#{TENANT}", "sk": "TENANT"}))
        self.records = ImprovementTable(self.table)
        self.task_id = self.desk.tasks.create(TENANT, terms(reviews=2, gold_share=0.5)).task_id
        self.registry.add(CHAMPION, "Approved")
        self.serve(CHAMPION)
        self.bucket.put("models/data/preferences/tokenizer.json", b"{}")
        self.bucket.put("models/data/preferences/pairs-train.jsonl", b"theirs\n")

    @property
    def deps(self) -> core.Deps:
        source = PairSource(self.desk.tasks, self.bucket)
        return core.Deps(self.records, source, self.registry, self.bus, lambda: self.now)

    def label(self, count: int, *, wrong: bool = False) -> None:
        """Have two reviewers label `count` more pairs, and ten gold items."""
        at = self.desk.tasks.task(TENANT, self.task_id).items
        items = [_turned(each, at) for each in pairs(count, gold=40)]
        for n in range(0, len(items), 100):
            self.desk.tasks.add(TENANT, self.task_id, items[n : n + 100])
        for reviewer in ("ann", "ben"):
            while (claim := self._claim(reviewer)) is not None:
                good = "first" if str(claim.content.first).startswith("Good") else "second"
                bad = "second" if good == "first" else "first"
                given = SubmitLabelRequest(label=bad if wrong and reviewer == "ben" else good)
                self.desk.queue.submit(TENANT, self.task_id, claim.claim_id, reviewer, given)

    def _claim(self, reviewer: str) -> Any:
        return self.desk.queue.next_claim(TENANT, self.task_id, reviewer).claim

    def plan(self, **changes: Any) -> None:
        given: dict[str, Any] = {
            "tenant": TENANT,
            "model": MODEL,
            "tasks": (self.task_id,),
            "min_pairs": 20,
            "new_pairs": 10,
            "bucket": "b",
            "channel": "models/data/preferences/",
            "reward": json.dumps(TRAINING).replace("{name}", "reward"),
            "candidate": json.dumps(TRAINING).replace("{name}", "candidate"),
        }
        self.records.put_plan(ImprovementPlan.model_validate(given | changes))

    def serve(self, arn: str, candidate: str = "") -> None:
        def version(each: str) -> ServedVersion:
            return ServedVersion(arn=each, prefix="models/serving/m/v/", signature="0" * 64)

        serving = Serving(
            name=MODEL,
            serves=version(arn),
            candidate=version(candidate) if candidate else None,
            since=NOW,
        )
        self.bucket.put(pointer_key(MODEL), serving.model_dump_json().encode())

    def step(
        self,
        run_id: str = RUN,
        trigger: ImprovementTrigger = "operator",
        execution: str = EXECUTION,
        **given: Any,
    ) -> ImproveModelResult:
        request = ImproveModelRequest(
            tenant=TENANT, model=MODEL, run_id=run_id, trigger=trigger, execution=execution, **given
        )
        return core.run(request, self.deps)

    def trained(self, job: str, arn: str, metrics: dict[str, float] | None = None) -> Any:
        self.registry.add(arn, "PendingManualApproval")
        return self.step(
            trained=TrainedVersion(
                job=job, arn=arn, artefact=f"s3://b/{arn[-3:]}", metrics=metrics or {}
            )
        )

    def to_approval(self) -> ImproveModelResult:
        self.plan()
        self.label(40)
        self.step()
        self.trained(f"{SHORT}-reward", REWARD)
        result: ImproveModelResult = self.trained(f"{SHORT}-candidate", CANDIDATE, BETTER)
        return result

    @property
    def run(self) -> ImprovementRun:
        found = self.records.run(TENANT, MODEL, RUN)
        assert found is not None
        return found

    @property
    def ends(self) -> Sequence[tuple[str, tuple[str, ...]]]:
        ended = [each for each in self.bus.events if isinstance(each, ImprovementEnded)]
        return [(each.status, each.reasons) for each in ended]


def _turned(item: LabellingItem, at: int) -> LabellingItem:
    """Return a pair with a name of its own, every other one with its sides changed."""
    assert isinstance(item, PairItem)
    named = {"id": f"{at}-{item.id}", "prompt": f"{at} {item.prompt}"}
    turned = {"a": item.b, "b": item.a} if int(item.id.split("-")[1]) % 2 else {}
    gold = {"gold": "b"} if item.gold and turned else {}
    return item.model_copy(update={**named, **turned, **gold})


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with dynamodb_client(tmp_path) as client:
        client.create_table(
            TableName="records",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")
            ],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
        )
        yield World(DynamoTable(client, "records"))


def test_should_go_from_labels_to_a_served_candidate_with_each_step_coming_twice(
    world: World,
) -> None:
    world.plan()
    world.label(40)
    for _ in range(2):
        result = world.step()
        assert (result.next, result.status, result.job) == ("train", "reward", f"{SHORT}-reward")
        named = {"TrainingJobName": f"reward-{SHORT}"}
        assert isinstance(result.training, dict)
        assert result.training["training"] == named
    for _ in range(2):
        result = world.trained(f"{SHORT}-reward", REWARD)
        assert (result.next, result.job) == ("train", f"{SHORT}-candidate")
        assert isinstance(result.training, dict)
        assert result.training["channels"] == ["s3://b/l/1", CHAMPION + ".tar.gz"]
    for _ in range(2):
        result = world.trained(f"{SHORT}-candidate", CANDIDATE, BETTER)
        assert (result.next, result.seconds) == ("approve", APPROVAL_DAYS * 86400)
        result = world.step(task_token="token")
        assert result.next == "approve"
    assert world.run.task_token == "token"
    assert world.run.next_command == "headrace improve approve aligned-lm --tenant acme"
    world.registry.set(CANDIDATE, "Approved")
    assert world.step().next == "approve", "approved, and not served yet"
    world.serve(CHAMPION, CANDIDATE)
    with pytest.raises(MoreSteps):
        world.step(task_token="late")
    for _ in range(2):
        assert (world.step().next, world.run.status) == ("ended", "done")
    assert world.run.next_command == "headrace rollouts start model:aligned-lm aligned-lm@candidate"
    assert set(world.ends) == {("done", ())}


def test_should_train_on_pairs_that_name_their_sources_and_on_the_rest_of_the_data_set(
    world: World,
) -> None:
    world.plan(ratings=True)
    world.label(40)
    row = rating("r1", "Bad.", correction="Good.")
    world.bucket.put(f"feedback/{TENANT}/2026-01-02/r1.json", row.model_dump_json().encode())
    world.step()
    prefix = f"models/pairs/{TENANT}/{SHORT}/"
    written = {
        key.removeprefix(prefix): body
        for key, body in world.bucket.objects.items()
        if key.startswith(prefix)
    }
    assert written.pop("tokenizer.json") == b"{}"
    lines = {name: body.decode().splitlines() for name, body in written.items()}
    assert len(lines["pairs-train.jsonl"]) + len(lines["pairs-test.jsonl"]) == 41
    assert len(lines["provenance.jsonl"]) == 41
    sources = [json.loads(each)["sources"] for each in lines["provenance.jsonl"]]
    assert ["rating:r1"] in sources
    assert json.loads(lines["quality.json"][0])["pairs"] == world.run.pairs == 41


@pytest.mark.parametrize(
    ("wrong", "count", "told"),
    [
        (False, 6, "there are 6 pairs, and 20 at least are needed"),
        (True, 40, "there are 0 pairs"),
    ],
)
def test_should_end_refused_with_the_reasons_of_the_gate_and_train_nothing(
    world: World, wrong: bool, count: int, told: str
) -> None:
    world.plan()
    world.label(count, wrong=wrong)
    assert world.step().next == "ended"
    ((status, reasons),) = world.ends
    assert status == "refused"
    assert told in reasons[0]
    assert bool(wrong) == any("agree by an alpha" in each for each in reasons)
    assert not [key for key in world.bucket.objects if key.startswith("models/pairs/")]


def test_should_end_refused_where_no_pair_is_held_out_or_nothing_serves(world: World) -> None:
    world.plan(min_pairs=1, min_alpha=0, min_gold_accuracy=0)
    world.label(1)
    result = world.step()
    assert any("no pair is of the" in each for each in result.reasons)
    world.label(40)
    del world.bucket.objects[pointer_key(MODEL)]
    second = RUN.replace("1", "2")
    result = world.step(run_id=second, execution="another")
    assert result.reasons == ("Nothing serves as aligned-lm to better.",)


@pytest.mark.parametrize(
    ("metrics", "told"),
    [
        (EVEN, "preferred to those of headrace-dev-policy/1 in 51.0% (48.0% to 54.0%)"),
        ({}, "no win rate was measured"),
        ({**BETTER, "win_rate_low": 0.5}, "above 50%"),
    ],
)
def test_should_reject_a_candidate_that_is_not_better(
    world: World, metrics: dict[str, float], told: str
) -> None:
    world.plan()
    world.label(40)
    world.step()
    world.trained(f"{SHORT}-reward", REWARD)
    world.trained(f"{SHORT}-candidate", CANDIDATE, metrics)
    ((status, (reason,)),) = world.ends
    assert status == "not_better"
    assert told in reason
    assert world.registry.rejected == {CANDIDATE: reason}


def test_should_end_as_rejected_or_expired_where_nobody_approves(world: World) -> None:
    world.to_approval()
    world.registry.set(CANDIDATE, "Rejected")
    assert world.step().status == "rejected"


def test_should_expire_after_its_days(world: World) -> None:
    world.to_approval()
    world.now += timedelta(days=APPROVAL_DAYS, seconds=-5)
    assert world.step().seconds == 5
    world.now += timedelta(seconds=5)
    assert world.step().status == "expired"
    assert "within 30 days" in world.run.reasons[0]


def test_should_end_as_failed_with_the_reason_of_a_training_and_let_another_begin(
    world: World,
) -> None:
    world.plan()
    world.label(40)
    world.step()
    other = RUN.replace("1", "2")
    busy = world.step(run_id=other, execution="another")
    assert (busy.next, busy.status) == ("ended", "busy")
    assert world.records.run(TENANT, MODEL, other) is None
    assert world.step(failure="FAILED: BelowGate: fid is 9").status == "failed"
    assert world.ends == [("failed", ("FAILED: BelowGate: fid is 9",))]
    assert world.step(run_id=other, execution="another").next == "train"


def test_an_event_that_comes_twice_should_begin_one_run(world: World) -> None:
    world.plan()
    world.label(40)
    assert world.step(trigger="drift").next == "train"
    again = world.step(trigger="drift", execution="another")
    assert (again.next, again.status) == ("ended", "repeated")
    world.step(failure="stopped")
    assert world.step(trigger="drift", execution="another").status == "repeated"
    assert len(world.ends) == 1


def test_should_ignore_what_has_no_plan_and_labels_that_are_not_enough(world: World) -> None:
    assert world.step().status == "ignored"
    world.plan()
    world.label(40)
    world.step()
    world.step(failure="stopped")
    second = RUN.replace("1", "2")
    labels: dict[str, Any] = {"run_id": second, "trigger": "labels", "execution": "another"}
    world.label(9)
    assert world.step(**labels).status == "ignored"
    world.label(1)
    assert world.step(**labels).next == "train"


def test_a_training_of_another_phase_should_not_count(world: World) -> None:
    world.plan()
    world.label(40)
    world.step()
    world.trained(f"{SHORT}-reward", REWARD)
    result = world.trained(f"{SHORT}-reward", CANDIDATE, BETTER)
    assert (result.next, result.job) == ("train", f"{SHORT}-candidate")
    assert world.run.candidate is None


@pytest.mark.parametrize("cut", ["write", "publish", "reject"])
def test_a_step_that_was_cut_off_should_go_on(world: World, cut: str) -> None:
    world.plan()
    world.label(40)
    if cut == "write":
        world.bucket.fails = 1
        with pytest.raises(Transient):
            world.step()
        assert world.run.status == "gathering"
    world.step()
    world.trained(f"{SHORT}-reward", REWARD)
    if cut == "reject":
        world.registry.fails = 1
    if cut == "publish":
        world.bus.fails = 1
    if cut != "write":
        with pytest.raises(Transient):
            world.trained(f"{SHORT}-candidate", CANDIDATE, EVEN)
    world.trained(f"{SHORT}-candidate", CANDIDATE, EVEN)
    assert [status for status, _ in world.ends] == ["not_better"]
    assert world.registry.rejected.keys() == {CANDIDATE}


def test_of_two_steps_the_slower_one_should_be_repeated(world: World) -> None:
    world.plan()
    world.label(40)
    world.step()
    stale = world.run
    world.trained(f"{SHORT}-reward", REWARD)
    assert not world.records.change(stale.model_copy(update={"revision": stale.revision + 1}))


def test_should_end_as_failed_where_a_task_is_gone(world: World) -> None:
    world.plan(tasks=("lt_gone",))
    with pytest.raises(NotFound):
        world.step()
    assert world.step(failure="There is no task lt_gone.").status == "ignored"
