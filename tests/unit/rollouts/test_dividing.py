"""Calls of models, prompts and retrievals are divided between arms, at no cost without rollouts."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.adapters.dynamodb import DynamoTable, Put
from chalicelib.adapters.records.captures import CapturedCallTable
from chalicelib.adapters.records.live_traffic import CachedTraffic
from chalicelib.adapters.records.monitors import CachedMonitors, MonitorTable
from chalicelib.adapters.records.rollouts import RolloutTable
from chalicelib.adapters.records.writes import tenant_key
from chalicelib.budgets.spender import Spender
from chalicelib.captures.recorder import CallRecorder
from chalicelib.contracts.captures import CapturedCall, CaptureSubject
from chalicelib.contracts.generations import Call, ChatCall, Generation, Message, Terms, TextPart
from chalicelib.contracts.monitors import Monitor
from chalicelib.contracts.prompts import PromptContent, PromptTurn, PromptVersion
from chalicelib.contracts.retrieval_settings import RetrievalSetting
from chalicelib.contracts.rollouts import LiveChoice, Subject
from chalicelib.errors import HeadraceError, InvalidInput, NotFound
from chalicelib.generation.dependencies import NO_LIMITS, CallLimits
from chalicelib.jobs.ulids import ulid
from chalicelib.retrieval.search.query import Query
from chalicelib.rollouts.arms import LiveTraffic, no_traffic
from chalicelib.rollouts.models import DividedGenerator
from chalicelib.rollouts.prompts import assign_prompt
from chalicelib.rollouts.retrieval import assign_setting
from tests.unit.captures.fakes import FakeCaptures
from tests.unit.generation.fakes import Answer, House
from tests.unit.generation.planning import model, served
from tests.unit.ingest.conftest import dynamodb, table
from tests.unit.rollouts.examples import ID, NOW, SUBJECT, TENANT, pointer, state

__all__ = ["dynamodb", "table"]

MODEL = Subject(kind="model", name="small")
HELLO = ChatCall(messages=(Message(role="user", content=(TextPart(text="Hello"),)),))
USERS = [f"user-{n}" for n in range(30)]


def spender(user: str = "", key: str = "key-1") -> Spender:
    return Spender(TENANT, key, correlation_id=f"request of {user}", end_user=user)


def on(subject: Subject, **changes: object) -> LiveTraffic:
    """Return traffic with one rollout of a subject."""
    return LiveTraffic({subject.key: pointer(subject=subject, **changes)})


def model_rollout(**changes: object) -> LiveTraffic:
    return on(MODEL, live="small", to="large", **changes)


def generations(
    traffic: LiveTraffic, captures: FakeCaptures, script: dict[str, list[Answer]], terms: Terms
) -> list[Generation]:
    divided = DividedGenerator(
        House(script).generator, lambda tenant: traffic, captures.recorder, lambda: 0.0
    )
    return [divided.generate(HELLO, terms, spender(user)) for user in USERS]


def test_end_users_should_be_answered_by_the_model_of_their_arm() -> None:
    captures = FakeCaptures()
    said: dict[str, list[Answer]] = {"small": ["Hi"] * 30, "large": ["Hi"] * 30}
    given = generations(model_rollout(share=40), captures, said, Terms(model="small"))
    for generation, call in zip(given, captures.calls, strict=True):
        assert generation.receipt.rollout is not None
        arm = generation.receipt.rollout.arm
        assert generation.model == {"live": "small", "candidate": "large"}[arm]
        assert (call.rollout_id, call.arm, call.sampled) == (ID, arm, False)
        assert call.subject == CaptureSubject(kind="model", name="small"), "what was asked for"
        assert call.version == f"{generation.model}-really"
    assert {call.arm for call in captures.calls} == {"live", "candidate"}
    assert len({call.end_user for call in captures.calls}) == len(USERS)


def test_an_answer_of_a_fallback_should_count_as_an_error_of_the_arm() -> None:
    captures = FakeCaptures()
    inner = House({"small": ["Hi"]}).generator

    class Failing:
        """Answers by `small`, whichever model is asked for."""

        def generate(
            self, call: Call, terms: Terms, spender: Spender, limits: CallLimits = NO_LIMITS
        ) -> Generation:
            return inner.generate(call, Terms(model="small"), spender, limits)

        def stream(self, *_: object) -> Iterator[Generation]:
            raise AssertionError("nothing is streamed")

        def is_fallback(self, terms: Terms, generation: Generation) -> bool:
            return inner.is_fallback(terms, generation)

    traffic = model_rollout(share=100)
    divided = DividedGenerator(Failing(), lambda tenant: traffic, captures.recorder)
    assert divided.generate(HELLO, Terms(model="small"), spender()).model == "small"
    (call,) = captures.calls
    assert (call.arm, call.outcome, call.error_type) == ("candidate", "error", "Fallback")


def test_a_model_that_is_called_by_another_name_should_be_no_fallback_of_it() -> None:
    captures = FakeCaptures()
    models = served(model("small", aliases=("writer",)), model("large"))
    house = House({"small": ["Hi"] * len(USERS), "large": ["Hi"] * len(USERS)}, models=models)
    traffic = on(Subject(kind="model", name="writer"), live="writer", to="large", share=40)
    divided = DividedGenerator(house.generator, lambda tenant: traffic, captures.recorder)
    for user in USERS:
        divided.generate(HELLO, Terms(model="writer"), spender(user))
    assert {(call.arm, call.outcome) for call in captures.calls} == {
        ("live", "ok"),
        ("candidate", "ok"),
    }


def test_a_stream_should_say_its_arm_with_the_last_piece() -> None:
    captures = FakeCaptures()
    house = House({"large": ["Hi"]})
    traffic = model_rollout(share=100)
    divided = DividedGenerator(house.generator, lambda tenant: traffic, captures.recorder)
    *_, last = divided.stream(HELLO, Terms(model="small"), spender())
    assert isinstance(last, Generation)
    assert last.receipt.rollout is not None
    assert [call.arm for call in captures.calls] == ["candidate"]


def test_a_name_that_a_rollout_was_promoted_to_should_be_answered_by_its_choice() -> None:
    alias = Subject(kind="model", name="writer")
    choice = LiveChoice(subject=alias, version="large", rollout_id=ID, since=NOW)
    traffic = LiveTraffic(choices={alias.key: choice})
    divided = DividedGenerator(House({"large": ["Hi"]}).generator, lambda tenant: traffic)
    assert divided.generate(HELLO, Terms(model="writer"), spender()).model == "large"


@dataclass
class Prompts:
    """Versions of one prompt; the label `production` points to version 3."""

    versions: Sequence[int] = (3, 4)
    reads: list[str | int] = field(default_factory=list)

    def version(self, tenant: str, name: str, wanted: str | int) -> PromptVersion:
        self.reads.append(wanted)
        number = 3 if isinstance(wanted, str) else wanted
        if number not in self.versions:
            raise NotFound("There is no such version.")
        return PromptVersion(
            name=name,
            version=number,
            sha256="0" * 64,
            bytes=1,
            labels=(),
            created_at=NOW,
            content=PromptContent(turns=(PromptTurn(name="one", template="Hi"),)),
        )


def test_runs_by_a_label_should_be_divided_and_those_by_a_number_not() -> None:
    prompts, traffic = Prompts(), on(SUBJECT, share=100)
    assign = functools.partial(assign_prompt, prompts, traffic, spender("ada"), "faq")
    version, arm = assign("production")
    assert (version.version, arm.arm) == (4, "candidate")
    assert assign(3)[0].version == 3
    assert assign(3)[1].rollout_id == ""
    assert assign("staging")[1].rollout_id == "", "another label of the prompt"
    prompts.reads.clear()
    assign_prompt(prompts, LiveTraffic(), spender("ada"), "faq", "production")
    assert prompts.reads == ["production"], "nothing more is read without a rollout"
    gone = Prompts(versions=(3,))
    version, arm = assign_prompt(gone, traffic, spender("ada"), "faq", "production")
    assert (version.version, arm.rollout_id) == (3, "")


def test_a_retrieval_setting_should_say_what_a_question_leaves_open() -> None:
    subject = Subject(kind="retrieval", name="manuals")
    traffic = on(subject, live="default", to="top_k=20,rerank=on", share=100)
    asked = Query(TENANT, "Who?", "manuals", 10, "request-1")
    query, arm = assign_setting(asked, {"question"}, traffic)
    assert (query.top_k, query.rerank) == (20, True)
    assert (arm.version, arm.arm) == ("top_k=20,rerank=on", "candidate")
    own = Query(TENANT, "Who?", "manuals", 5, "request-1", rerank=False)
    unchanged, _ = assign_setting(own, {"top_k", "rerank"}, traffic)
    assert unchanged == replace(own, rollout_id=arm.rollout_id, arm="candidate")
    shadowed = on(subject, live="default", to="rerank=on", share=0, shadow=True)
    assert assign_setting(own, {"top_k"}, shadowed)[0] == own, "ratings there compare nothing"
    other = Query(TENANT, "Who?", None, 10, "request-1")
    assert assign_setting(other, (), traffic) == (
        other,
        assign_setting(other, (), LiveTraffic())[1],
    )


@pytest.mark.parametrize(
    "name", ["", "top_k=0", "top_k=101", "top_k=x", "rerank=yes", "top_k=2,top_k=3", "size=3"]
)
def test_what_is_no_retrieval_setting_should_be_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="no retrieval setting") as raised:
        RetrievalSetting.parse(name)
    assert raised.value.field == "to"


def test_retrieval_settings_should_be_read_from_their_names() -> None:
    assert RetrievalSetting.parse("default") == RetrievalSetting()
    assert RetrievalSetting.parse("rerank=off, top_k=7") == RetrievalSetting(7, False)


@dataclass
class Stage:
    """The path of calls on a table in this process, and what it asked of AWS."""

    table: DynamoTable
    operations: list[str]
    now: float = 0.0
    errors: list[HeadraceError] = field(default_factory=list)

    def divided(self, script: dict[str, list[Answer]]) -> DividedGenerator:
        numbers = iter(range(10**6))
        recorder = CallRecorder(
            settings=CachedMonitors(MonitorTable(self.table).monitors, self._clock, 10.0),
            policies=FakeCaptures(),
            calls=CapturedCallTable(self.table),
            utcnow=lambda: NOW,
            new_ulid=lambda now: ulid(now, next(numbers)),
            on_error=self.errors.append,
        )
        traffic = CachedTraffic(RolloutTable(self.table), self._clock, self.errors.append)
        return DividedGenerator(House(script).generator, traffic, recorder, self._clock)

    def _clock(self) -> float:
        return self.now

    def answers(self, calls: int = 20) -> list[str]:
        """Return answers as they go over the wire; the operations on the table are new."""
        divided = self.divided({"small": ["Hi"] * calls, "large": ["Ho"] * calls})
        self.operations.clear()
        terms = Terms(model="small")
        return [
            divided.generate(HELLO, terms, spender(f"user-{n}")).model_dump_json()
            for n in range(calls)
        ]


@pytest.fixture
def stage(table: DynamoTable, dynamodb: Any) -> Stage:
    operations: list[str] = []
    dynamodb.meta.events.register(
        "before-call.dynamodb", lambda model, **_: operations.append(model.name)
    )
    pk, sk = tenant_key(TENANT)
    table.put(Put({"pk": pk, "sk": sk}))
    return Stage(table, operations)


def watched(table: DynamoTable) -> None:
    subject = CaptureSubject(kind="model", name="small")
    monitor = Monitor(name="all", subject=subject, sample_rate=1.0, created_at=NOW, updated_at=NOW)
    MonitorTable(table).put(TENANT, monitor)


def test_tenants_without_rollouts_should_cost_one_read_in_ten_seconds(stage: Stage) -> None:
    stage.answers(20)
    of_captures_too = ["Query", "Query"]
    assert stage.operations == of_captures_too
    divided = stage.divided({"small": ["Hi"] * 3})
    stage.operations.clear()
    for now in (0.0, 9.9, 10.0):
        stage.now = now
        divided.generate(HELLO, Terms(model="small"), spender())
    assert len(stage.operations) == 4, "once more after ten seconds"


def shadowed(table: DynamoTable) -> None:
    RolloutTable(table).create(
        state(subject=MODEL, live="small", to="large"),
        pointer(subject=MODEL, live="small", to="large", shadow=True),
    )


@pytest.mark.parametrize("prepare", [lambda table: None, watched], ids=["unwatched", "watched"])
def test_a_shadow_should_change_no_byte_and_add_no_call(
    stage: Stage, prepare: Callable[[DynamoTable], None]
) -> None:
    prepare(stage.table)
    before, asked = stage.answers(), list(stage.operations)
    shadowed(stage.table)
    assert stage.answers() == before
    assert stage.operations == asked
    assert stage.errors == []


def test_calls_under_a_shadow_should_be_known_as_its_own(stage: Stage) -> None:
    watched(stage.table)
    shadowed(stage.table)
    stage.answers(3)
    found: list[CapturedCall] = list(
        CapturedCallTable(stage.table).calls(
            TENANT, CaptureSubject(kind="model", name="small"), now=NOW + timedelta(minutes=1)
        )
    )
    assert [(call.rollout_id, call.arm, call.sampled) for call in found] == [(ID, "live", True)] * 3


def test_no_traffic_should_be_the_default() -> None:
    assert no_traffic(TENANT) == LiveTraffic()
