"""The candidate answers captured calls in the background, once each, by a budget of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from pydantic import JsonValue

from chalicelib.budgets.spender import Spender
from chalicelib.captures.facts import CallFacts, generation_facts
from chalicelib.contracts.answers import AskRequest, AskResponse
from chalicelib.contracts.captures import CapturedCall, CaptureSubject
from chalicelib.contracts.generations import ChatCall, Message, Terms, TextPart
from chalicelib.contracts.receipts import Receipt, ReceiptLine
from chalicelib.contracts.rollouts import ShadowObservation
from chalicelib.errors import HeadraceError, InvalidInput, ModelFailure, QuotaExceeded
from chalicelib.evaluation.graders.base import JudgeReply
from chalicelib.generation.dependencies import NO_LIMITS
from chalicelib.prompts.runs import PromptRunner
from chalicelib.retrieval.search.query import Query
from chalicelib.rollouts.candidates import CandidateModel, CandidatePrompt, CandidateRetrieval
from chalicelib.rollouts.shadow import ReplayRequest, ReplayResult, ShadowReplay
from chalicelib.rollouts.shadow_judge import PairwiseShadowJudge
from tests.unit.generation.fakes import House
from tests.unit.rollouts.examples import ID, NOW, TENANT
from tests.unit.rollouts.test_dividing import Prompts

SPENDER = Spender(TENANT, "key-1", correlation_id=ID)
LINE = ReceiptLine(model="small", role="chat", dollars=Decimal("0.002"))
HELLO = ChatCall(messages=(Message(role="user", content=(TextPart(text="Hello"),)),))


@dataclass
class Bench:
    """A replay with answers by call, and what it stored."""

    answers: dict[str, CallFacts | HeadraceError]
    stored: dict[str, ShadowObservation] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    judge: PairwiseShadowJudge | None = None
    now: float = 0.0
    ends_at: float | None = None

    def observation(self, tenant: str, rollout_id: str, call_id: str) -> ShadowObservation | None:
        assert (tenant, rollout_id) == (TENANT, ID)
        return self.stored.get(call_id)

    def put_observation(self, tenant: str, rollout_id: str, observation: ShadowObservation) -> None:
        self.stored.setdefault(observation.metrics.call_id, observation)

    def answer(self, given: Mapping[str, JsonValue]) -> CallFacts:
        name = str(given["n"])
        self.asked.append(name)
        self.now += 0.25
        answer = self.answers[name]
        if isinstance(answer, HeadraceError):
            raise answer
        return answer

    def replay(self, *requests: ReplayRequest) -> ReplayResult:
        replay = ShadowReplay(
            self, self, self.judge, lambda: NOW, lambda: self.now, ends_at=self.ends_at
        )
        return replay.replay(TENANT, ID, requests)


def request(name: str, **fields: str) -> ReplayRequest:
    return ReplayRequest(f"call-{name}", {"n": name}, **fields)


def facts(output: str, **fields: Any) -> CallFacts:
    return CallFacts("4", {}, "Hello", output, receipt=Receipt.of([LINE]), **fields)


def test_each_call_should_be_answered_once_and_measured_as_a_captured_one() -> None:
    bench = Bench({"a": facts("Hi"), "b": facts("", outcome="refused", unsupported=True)})
    assert bench.replay(request("a"), request("b")) == ReplayResult(2)
    assert bench.replay(request("a"), request("b")) == ReplayResult(0)
    assert bench.asked == ["a", "b"], "what is stored is not asked again"
    first, second = (bench.stored[f"call-{name}"].metrics for name in "ab")
    assert (first.arm, first.error, first.refused, first.unsafe) == (
        "candidate",
        False,
        False,
        False,
    )
    assert (first.latency_ms, first.nanodollars) == (250, 2_000_000)
    assert (second.refused, second.unsupported) == (True, True)


def test_what_the_candidate_cannot_answer_should_be_its_error_with_the_reason() -> None:
    failure = ModelFailure("It gave nothing.")
    failure.receipt = Receipt.of([LINE])
    bench = Bench({"a": failure, "b": InvalidInput("There is a variable too many.")})
    bench.replay(request("a"), request("b"))
    kept = bench.stored["call-a"]
    assert (kept.metrics.error, kept.metrics.refused, kept.reason) == (
        True,
        None,
        "It gave nothing.",
    )
    assert kept.receipt == failure.receipt
    assert bench.stored["call-b"].metrics.error


def test_a_budget_that_is_used_up_should_count_neither_way() -> None:
    bench = Bench({"a": facts("Hi"), "b": QuotaExceeded("The rollout's budget is used up.")})
    result = bench.replay(request("a"), request("b"), request("c"))
    assert result == ReplayResult(1, "The rollout's budget is used up.")
    assert set(bench.stored) == {"call-a"}


def test_no_request_should_begin_after_the_end() -> None:
    bench = Bench({name: facts("Hi") for name in "abc"}, ends_at=0.5)
    assert bench.replay(*map(request, "abc")).answered == 2


def test_a_smoke_request_should_fail_where_the_answer_lacks_what_is_expected() -> None:
    bench = Bench({"a": facts("Good MORNING"), "b": facts("Good night")})
    bench.replay(request("a", expect="good morning"), request("b", expect="good morning"))
    assert not bench.stored["call-a"].metrics.error
    failed = bench.stored["call-b"]
    assert failed.metrics.error
    assert failed.reason == "'good morning' is not in: Good night"


@dataclass
class Verdicts:
    """A judging model that replies by a script."""

    replies: list[str | HeadraceError]

    def judge(self, call: ChatCall, model: str, quality: int) -> JudgeReply:
        reply = self.replies.pop(0)
        if isinstance(reply, HeadraceError):
            raise reply
        return JudgeReply(reply, (LINE,))


@pytest.mark.parametrize(
    ("replies", "preferred"),
    [
        (["A", "B"], "candidate"),
        (["B", "A"], "live"),
        (["C", "C"], "tie"),
        (["A", "A"], "tie"),
        (["well", "A"], None),
        ([ModelFailure("It judged with no text.")], None),
    ],
)
def test_a_judge_should_compare_both_answers_in_both_orders(
    replies: Sequence[str | HeadraceError], preferred: str | None
) -> None:
    bench = Bench({"a": facts("Hi")}, judge=PairwiseShadowJudge(Verdicts(list(replies))))
    bench.replay(request("a", live_output="Hello there"))
    kept = bench.stored["call-a"]
    assert kept.preferred == preferred
    assert not kept.metrics.error, "a judge's failure is not the candidate's"
    assert kept.receipt is not None
    assert len(kept.receipt.lines) == (3 if len(replies) == 2 else 1)


def test_a_candidate_model_should_answer_what_was_captured_and_no_other_in_its_place() -> None:
    given = House({"small": ["Hi"]}).generator.generate(HELLO, Terms(model="small"), SPENDER)
    captured = generation_facts(HELLO, Terms(model="small", quality=2), given).request
    house = House({"large": ["Ho"]})
    candidate = CandidateModel("large", house.generator, SPENDER, NO_LIMITS)
    answer = candidate.answer(captured)
    assert (answer.output, answer.version) == ("Ho", "large-really")
    assert house.backend.asked == [("large", HELLO)]
    with pytest.raises(InvalidInput, match="none of this subject's"):
        candidate.answer({"variables": {}})


def test_a_candidate_prompt_should_run_its_own_version() -> None:
    runner = PromptRunner(
        House({"small": ["Hi"]}).generator, lambda: "@@", lambda: NOW, lambda: "r"
    )
    candidate = CandidatePrompt("faq", 4, Prompts(), runner, SPENDER, NO_LIMITS)
    assert (candidate.answer({"variables": {}}).version, runner.now()) == ("4", NOW)


def test_a_candidate_setting_should_fill_what_a_question_left_open() -> None:
    asked: list[Query] = []

    def ask(query: Query, request: AskRequest) -> AskResponse:
        asked.append(query)
        return AskResponse(
            answered=False,
            outcome="not_found",
            answer="This is not in these documents.",
            asked_as=request.question,
            tier="extractive",
            claims=(),
            citations=(),
            receipt=Receipt(),
        )

    candidate = CandidateRetrieval("top_k=30,rerank=on", ask, SPENDER)
    facts = candidate.answer({"question": "Who?", "collection": "manuals"})
    assert (asked[0].top_k, asked[0].rerank, asked[0].collection) == (30, True, "manuals")
    assert (facts.outcome, facts.version) == ("refused", "top_k=30,rerank=on")
    candidate.answer({"question": "Who?", "top_k": 5})
    assert asked[1].top_k == 5


def test_a_request_should_be_read_from_a_captured_call() -> None:
    call = CapturedCall(
        id="01CALL",
        subject=CaptureSubject(kind="prompt", name="faq"),
        version="3",
        created_at=NOW,
        input='{"variables":{"a":1}}',
        output="Hi",
    )
    assert ReplayRequest.of(call) == ReplayRequest("01CALL", {"variables": {"a": 1}}, "Hi")
