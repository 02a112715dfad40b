from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.budgets.spender import ActualCost, Spender
from chalicelib.contracts.generations import (
    ChatCall,
    ChatOutput,
    EmbedCall,
    EmbedOutput,
    Generation,
    JsonOutput,
    Message,
    Reply,
    Terms,
    TextPart,
    Tool,
    ToolCall,
    Usage,
)
from chalicelib.contracts.receipts import dollars
from chalicelib.errors import (
    HeadraceError,
    InvalidInput,
    ModelFailure,
    NoAnswer,
    NotFound,
    QuotaExceeded,
    Throttled,
    Transient,
    Unsupported,
)
from chalicelib.generation.dependencies import CallContext, GenerationDeps
from chalicelib.generation.executor import Generator
from chalicelib.generation.receipts import CostModel
from chalicelib.generation.streams import StreamEnd, TextDelta, ToolDelta
from tests.unit.generation import planning
from tests.unit.generation.fakes import Answer, House, Purse, Scripted, Watch, said

TOOLS = frozenset({"json", "streams", "tools"})
WHO = Spender("t", key="k", correlation_id="c")
HELLO = ChatCall(messages=(Message(role="user", content=(TextPart(text="Hello"),)),), max_tokens=9)
JSON = HELLO.model_copy(
    update={"json_output": JsonOutput(json_schema={"type": "object", "required": ["a"]})}
)


def test_the_cheapest_should_answer_and_its_receipt_should_say_what_it_cost() -> None:
    house = House({"small": ["Hi"]})
    found = house.generator.generate(HELLO, Terms(), WHO)
    assert found.output == ChatOutput(text="Hi")
    assert (found.generation_id, found.model, found.answered_by) == (
        "gen-1",
        "small",
        "small-really",
    )
    (attempt,) = found.attempts
    assert (attempt.outcome, attempt.dollars) == ("accepted", Decimal("0.000014"))
    assert found.receipt.dollars == Decimal("0.000014")
    assert found.receipt.lines[0].priced_as == "maker.small-v1:0"
    assert found.receipt.next_dearer is not None
    assert found.receipt.next_dearer.dollars == Decimal("0.00014")
    assert any("less than Large alone" in line for line in found.plan)
    assert house.purse.spent == [ActualCost(14_000, 10, 4)]
    assert house.purse.most[0] >= 14_000
    assert house.is_even()
    assert house.watch.ended == [("small", "")]
    assert house.backend.asking == [CallContext("t", "c", "standard", caller=WHO.caller_hash)]


def test_a_model_that_fails_should_give_way_to_the_next_and_cost_nothing() -> None:
    house = House({"small": [Transient("down")], "large": ["Hi"]})
    found = house.generator.generate(HELLO, Terms(), WHO)
    assert [one.outcome for one in found.attempts] == ["failed", "accepted"]
    assert found.attempts[0].reason.startswith("Transient: A service behind the API did not")
    assert len(found.receipt.lines) == 1
    assert house.is_even()
    assert house.watch.ended == [("small", "Transient"), ("large", "")]


def test_an_answer_that_fails_its_check_should_be_paid_for_and_go_on_to_a_better_model() -> None:
    house = House({"small": ["No."], "large": ["Hello there"]})
    found = house.generator.generate(HELLO, Terms(checks=("contains:there",)), WHO)
    assert [one.outcome for one in found.attempts] == ["escalated", "accepted"]
    assert "does not say" in found.attempts[0].reason
    assert len(found.receipt.lines) == 2
    assert (
        found.receipt.dollars
        == sum((one.dollars for one in found.attempts), Decimal(0))
        == Decimal("0.000154")
    )
    assert len(house.purse.spent) == 2


def test_json_that_is_none_should_be_asked_for_once_more_of_the_same_model() -> None:
    house = House({"small": ["not json", '{"a": 1}']})
    found = house.generator.generate(JSON, Terms(), WHO)
    assert house.asked() == ["small", "small"]
    assert [one.outcome for one in found.attempts] == ["escalated", "accepted"]
    mended = house.backend.asked[1][1]
    assert isinstance(mended, ChatCall)
    assert mended.messages[1].content == (TextPart(text="not json"),)
    assert house.purse.most[1] > house.purse.most[0]
    assert house.is_even()


def test_json_that_stays_none_should_go_on_to_a_better_model() -> None:
    house = House({"small": ["not json", "nor this"], "large": ['{"a": 1}']})
    found = house.generator.generate(JSON, Terms(), WHO)
    assert house.asked() == ["small", "small", "large"]
    assert found.model == "large"


def test_json_that_was_cut_off_should_be_told_as_that_and_not_go_on_to_a_dearer_model() -> None:
    house = House({"small": [said("small", '{"a', "length")], "large": ['{"a": 1}']})
    found = house.generator.generate(JSON, Terms(checks=("contains:a",)), WHO)
    assert house.asked() == ["small"]
    assert found.output == ChatOutput(text='{"a', finish="length")
    assert [(one.outcome, one.reason) for one in found.attempts] == [("accepted", "it was cut off")]


def test_who_wants_whole_answers_should_have_a_cut_off_one_go_on() -> None:
    house = House({"small": [said("small", '{"a', "length")], "large": ['{"a": 1}']})
    found = house.generator.generate(JSON, Terms(checks=("finish",)), WHO)
    assert house.asked() == ["small", "large"]
    assert found.model == "large"


def test_who_names_a_model_without_fallback_should_get_that_or_nothing() -> None:
    house = House({"large": [Throttled("slow down")]})
    with pytest.raises(Throttled, match="Large failed: Throttled: The service is asked for more"):
        house.generator.generate(HELLO, Terms(model="large", fallback=False), WHO)
    assert house.asked() == ["large"]
    assert house.is_even()


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ({"small": [Transient("a")], "large": [Throttled("b")]}, Throttled),
        ({"small": [ModelFailure("a")], "large": [Transient("b")]}, Transient),
        ({"small": [InvalidInput("a", field="f")], "large": [ModelFailure("b")]}, ModelFailure),
        ({"small": [InvalidInput("a", field="f")], "large": [InvalidInput("b")]}, InvalidInput),
        ({"small": [HeadraceError("a")], "large": [HeadraceError("b")]}, HeadraceError),
    ],
)
def test_giving_up_should_be_told_as_what_asking_again_may_mend(
    script: dict[str, list[Answer]], kind: type[HeadraceError]
) -> None:
    house = House(script)
    with pytest.raises(HeadraceError) as raised:
        house.generator.generate(HELLO, Terms(), WHO)
    assert type(raised.value) is kind
    assert house.is_even()


def test_answers_that_all_fail_their_check_should_be_a_failure_that_says_so() -> None:
    house = House({"small": ["No."], "large": ["No."]})
    with pytest.raises(NoAnswer, match=r"Small: contains: .* Large: contains: "):
        house.generator.generate(HELLO, Terms(checks=("contains:yes",)), WHO)
    assert len(house.purse.spent) == 2


def test_a_budget_that_is_used_up_should_be_told_at_once_and_nobody_asked() -> None:
    house = House({}, Purse(refuses=QuotaExceeded("no dollars left")))
    with pytest.raises(QuotaExceeded, match="no dollars left"):
        house.generator.generate(HELLO, Terms(), WHO)
    assert house.asked() == []


def test_limits_of_every_model_that_are_used_up_should_be_told_as_those_of_models() -> None:
    used_up = QuotaExceeded("no dollars left for this model")
    used_up.of_model = True
    house = House({}, Purse(refuses=used_up))
    with pytest.raises(QuotaExceeded, match="No model answered") as raised:
        house.generator.generate(HELLO, Terms(), WHO)
    assert (raised.value.of_model, raised.value.reserved) == (True, False)
    used_up.reserved = True
    with pytest.raises(QuotaExceeded, match="No model answered") as reserved:
        house.generator.generate(HELLO, Terms(), WHO)
    assert reserved.value.reserved
    assert house.asked() == []


def test_a_tenant_that_is_gone_should_be_told_at_once() -> None:
    house = House({}, Purse(refuses=NotFound("gone")))
    with pytest.raises(NotFound, match="gone"):
        house.generator.generate(HELLO, Terms(), WHO)


def test_a_model_without_a_turn_should_give_way_and_what_was_reserved_come_back() -> None:
    house = House({"large": ["Hi"]}, watch=Watch({"small": Throttled("full")}))
    found = house.generator.generate(HELLO, Terms(), WHO)
    assert house.asked() == ["large"]
    assert found.attempts[0].reason.startswith("Throttled: The service is")
    assert house.is_even()


def test_attempts_together_should_keep_to_the_budget_of_the_terms() -> None:
    cheap = dollars(planning_cost("small") + 1)
    house = House({"small": ["No."]})
    with pytest.raises(ModelFailure):
        house.generator.generate(HELLO, Terms(budget=cheap, checks=("contains:yes",)), WHO)
    assert house.asked() == ["small"]


def planning_cost(name: str) -> int:
    probe = House({name: ["Hi"]})
    probe.generator.generate(HELLO, Terms(model=name, fallback=False), WHO)
    return probe.purse.most[0]


@pytest.mark.parametrize(
    ("terms", "kind"),
    [
        (Terms(model="none"), NotFound),
        (Terms(quality=5), Unsupported),
        (Terms(checks=("nonsense",)), InvalidInput),
    ],
)
def test_what_cannot_be_asked_should_cost_nothing(terms: Terms, kind: type[HeadraceError]) -> None:
    house = House({})
    with pytest.raises(kind):
        house.generator.generate(HELLO, terms, WHO)
    assert house.purse.most == []


def told(found: Iterator[TextDelta | ToolDelta | Generation]) -> list[Any]:
    return list(found)


def test_a_stream_should_tell_pieces_and_then_all_of_it() -> None:
    house = House({"small": ["He", "llo"]})
    first, second, last = told(house.generator.stream(HELLO, Terms(), WHO))
    assert (first, second) == (TextDelta("He"), TextDelta("llo"))
    assert last.output == ChatOutput(text="Hello")
    assert last.receipt.dollars == Decimal("0.000014")
    assert house.purse.spent == [ActualCost(14_000, 10, 4)]
    assert house.is_even()


def test_a_stream_that_fails_at_once_should_give_way_to_the_next() -> None:
    house = House({"small": [Throttled("slow down")], "large": ["Hi"]})
    *pieces, last = told(house.generator.stream(HELLO, Terms(), WHO))
    assert pieces == [TextDelta("Hi")]
    assert [one.outcome for one in last.attempts] == ["failed", "accepted"]
    assert house.is_even()


def test_a_stream_that_breaks_off_should_be_an_error_and_be_paid_for_as_far_as_it_came() -> None:
    house = House({"small": ["Hello there", Transient("down")], "large": ["Hi"]})
    stream = house.generator.stream(HELLO, Terms(), WHO)
    assert next(stream) == TextDelta("Hello there")
    with pytest.raises(Transient, match="down"):
        next(stream)
    assert house.asked() == ["small"]
    (used,) = house.purse.spent
    assert used.nanodollars > 0
    assert used.tokens_out > 0
    assert house.watch.ended == [("small", "Transient")]
    assert house.is_even()


def test_who_stops_listening_should_pay_for_what_was_made() -> None:
    house = House({"small": ["Hello", "there"]})
    stream = house.generator.stream(HELLO, Terms(), WHO)
    next(stream)
    assert isinstance(stream, Iterator)
    close: Callable[[], None] = getattr(stream, "close")  # noqa: B009 - an iterator has none
    close()
    assert len(house.purse.spent) == 1
    assert house.is_even()


def test_nobody_left_to_stream_should_be_told_before_the_first_piece() -> None:
    house = House({"small": [Transient("a")], "large": [Transient("b")]})
    with pytest.raises(Transient, match="No model answered"):
        next(house.generator.stream(HELLO, Terms(), WHO))
    assert house.is_even()


def test_times_and_names_of_a_generation_should_be_the_stage_s() -> None:
    house = House({"small": ["Hi"]})
    found = house.generator.generate(HELLO, Terms(), WHO)
    assert found.created_at == datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def vectors(texts: Sequence[str]) -> EmbedOutput:
    return EmbedOutput(vectors=tuple((1.0,) for _ in texts))


def test_texts_should_be_embedded_by_one_model_and_no_other() -> None:
    embedder = planning.model(
        "embedder", task="embedding", outputs=frozenset({"embedding"}), abilities=frozenset()
    )
    served = planning.served(embedder)
    backend = Scripted(
        {
            "embedder": [
                Reply(
                    model="embedder",
                    answered_by="x",
                    output=vectors(("a",)),
                    usage=Usage(tokens_in=2),
                    seconds=0.1,
                )
            ]
        }
    )
    purse = Purse()
    generator = Generator(
        GenerationDeps(
            served,
            CostModel(served, planning.prices(embedder=("1", "1"))),
            planning.HOME,
            {"bedrock": backend},
            purse,
            Watch(),
            {},
            lambda: planning.NOW,
            lambda: "g",
            list[HeadraceError]().append,
        )
    )
    found = generator.generate(EmbedCall(texts=("a",)), Terms(), WHO)
    assert found.output == vectors(("a",))
    assert found.receipt.dollars == Decimal("0.000002")
    assert purse.spent == [ActualCost(2_000, 2)]


class ToolCaller:
    """A model that makes two tool calls at once."""

    calls = (ToolCall(id="a", name="x", arguments="{}"), ToolCall(id="b", name="y", arguments="{}"))

    def generate(self, model: Any, route: Any, call: Any, asking: Any) -> Reply:
        answer = said(model.name, "", "tool_calls")
        return answer.model_copy(update={"output": ChatOutput(text="", tool_calls=self.calls)})

    def stream(self, model: Any, route: Any, call: Any, asking: Any) -> Iterator[Any]:
        yield TextDelta("I ask.")
        for n, made in enumerate(self.calls):
            yield ToolDelta(n + 1, made.id, made.name, "")
            yield ToolDelta(n + 1, "", "", made.arguments)
        yield StreamEnd("tool_calls", Usage(tokens_in=10, tokens_out=4), "")


@pytest.mark.parametrize("parallel", [True, False])
def test_an_answer_should_keep_the_first_tool_call_where_one_is_taken(parallel: bool) -> None:
    house = House({})
    deps = replace(house.generator.deps, backends={"bedrock": ToolCaller()})
    call = HELLO.model_copy(
        update={"tools": (Tool(name="x"), Tool(name="y")), "parallel_tool_calls": parallel}
    )
    kept = ToolCaller.calls if parallel else ToolCaller.calls[:1]
    models = {"small": planning.model("small", abilities=TOOLS)}
    deps = replace(deps, models=planning.served(*models.values()))
    whole = Generator(deps).generate(call, Terms(), WHO)
    assert isinstance(whole.output, ChatOutput)
    assert whole.output.tool_calls == kept
    *pieces, last = Generator(deps).stream(call, Terms(), WHO)
    assert isinstance(last, Generation)
    assert isinstance(last.output, ChatOutput)
    assert last.output.tool_calls == kept
    assert {piece.id for piece in pieces if isinstance(piece, ToolDelta) and piece.id} == {
        made.id for made in kept
    }
