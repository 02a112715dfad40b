"""What is counted of a call that ends in every way there is, and what is told of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.budgets.spender import ActualCost
from chalicelib.contracts.generations import (
    ChatOutput,
    EmbedCall,
    Generation,
    JsonOutput,
    Terms,
    Tool,
    Usage,
)
from chalicelib.contracts.receipts import dollars, nanodollars
from chalicelib.errors import (
    HeadraceError,
    InvalidInput,
    ModelFailure,
    NoAnswer,
    QuotaExceeded,
    Throttled,
    Transient,
    Unsupported,
)
from chalicelib.generation.dependencies import CallLimits
from chalicelib.generation.models import ModelLimits
from chalicelib.generation.streams import TextDelta
from tests.unit.generation import planning
from tests.unit.generation.fakes import MODELS, Answer, House, Purse, Watch, said
from tests.unit.generation.test_executor import HELLO, JSON, WHO

ALONE = Terms(model="small", fallback=False)
ODDITIES = [KeyError("output"), OSError("socket"), KeyboardInterrupt(), RecursionError()]


def of_model(message: str) -> QuotaExceeded:
    error = QuotaExceeded(message)
    error.of_model = True
    return error


def free(name: str, **changes: Any) -> House:
    """Return a house with a model that has no price beside the two that have."""
    models = planning.served(*MODELS.models.values(), planning.model(name, **changes))
    return House({name: ["Hi"], "small": ["Hi"]}, models=models)


def test_a_model_without_a_price_should_be_refused_where_dollars_are_limited() -> None:
    house = free("free")
    house.purse.limited = True
    with pytest.raises(Unsupported, match="free has no price"):
        house.generator.generate(HELLO, Terms(model="free"), WHO)
    assert house.asked() == []
    assert house.is_even()


def test_a_model_without_a_price_should_be_asked_by_name_only() -> None:
    house = free("free", tier=5)
    assert house.generator.generate(HELLO, Terms(model="free"), WHO).model == "free"
    with pytest.raises(Unsupported, match="not priced, so only when asked for by name"):
        house.generator.generate(HELLO, Terms(quality=5), WHO)
    assert house.asked() == ["free"]


def test_a_limit_of_one_model_should_leave_the_others() -> None:
    purse = Purse(refused={"small": of_model("Nothing is left of model small.")})
    house = House({"large": ["Hi"]}, purse)
    found = house.generator.generate(HELLO, Terms(), WHO)
    assert (found.model, house.asked()) == ("large", ["large"])
    assert "Nothing is left of model small" in found.attempts[0].reason
    alone = House({}, Purse(refused={"small": of_model("Nothing is left of model small.")}))
    with pytest.raises(QuotaExceeded, match="Nothing is left"):
        alone.generator.generate(HELLO, ALONE, WHO)


def test_a_budget_that_ends_on_the_way_should_tell_what_was_used() -> None:
    purse = Purse(refused={"large": QuotaExceeded("Nothing is left of tenant.")})
    house = House({"small": ["No."]}, purse)
    with pytest.raises(QuotaExceeded) as raised:
        house.generator.generate(HELLO, Terms(checks=("contains:yes",)), WHO)
    assert raised.value.usage == Usage(tokens_in=10, tokens_out=4)


def test_the_longest_wait_should_be_passed_on() -> None:
    script: dict[str, list[Answer]] = {
        "small": [Throttled("a", retry_after=7)],
        "large": [Throttled("b", retry_after=40)],
    }
    with pytest.raises(Throttled) as raised:
        House(script).generator.generate(HELLO, Terms(), WHO)
    assert raised.value.retry_after == 40


@pytest.mark.parametrize("odd", ODDITIES)
def test_what_nobody_foresaw_should_count_as_all_that_was_reserved(odd: BaseException) -> None:
    house = House({"small": [odd]})
    with pytest.raises(type(odd)):
        house.generator.generate(HELLO, ALONE, WHO)
    assert house.is_even()
    (used,) = house.purse.spent
    assert used.nanodollars == house.purse.most[0]
    assert house.watch.ended == [("small", "HeadraceError")]


@pytest.mark.parametrize("odd", ODDITIES)
def test_a_stream_that_breaks_off_unforeseen_should_count_what_was_streamed(
    odd: BaseException,
) -> None:
    house = House({"small": ["Hello", odd]})
    stream = house.generator.stream(HELLO, ALONE, WHO)
    next(stream)
    with pytest.raises(type(odd)):
        next(stream)
    assert house.is_even()
    (used,) = house.purse.spent
    assert 0 < used.nanodollars < house.purse.most[0]
    assert len(house.watch.ended) == 1


@pytest.mark.parametrize("odd", ODDITIES)
def test_a_stream_that_never_begins_should_count_all_that_was_reserved(odd: BaseException) -> None:
    house = House({"small": [odd]})
    with pytest.raises(type(odd)):
        next(house.generator.stream(HELLO, ALONE, WHO))
    assert house.is_even()
    assert house.purse.spent[0].nanodollars == house.purse.most[0]
    assert len(house.watch.ended) == 1


def test_a_turn_that_never_comes_for_no_known_reason_should_keep_nothing() -> None:
    house = House({}, watch=Watch({"small": KeyError("?")}))
    with pytest.raises(KeyError):
        house.generator.generate(HELLO, ALONE, WHO)
    assert house.is_even()
    assert house.purse.spent == []


def test_what_a_failed_call_used_should_be_counted_and_be_on_the_receipt() -> None:
    lost = ModelFailure("malformed", usage=Usage(tokens_in=10, tokens_out=4))
    house = House({"small": [lost], "large": ["Hi"]})
    found = house.generator.generate(HELLO, Terms(), WHO)
    assert house.purse.spent[0] == ActualCost(14_000, 10, 4)
    assert found.attempts[0].dollars == Decimal("0.000014")
    assert found.receipt.dollars == Decimal("0.000154")
    assert [line.model for line in found.receipt.lines] == ["small", "large-really"]


def test_a_call_that_may_have_been_billed_should_count_whole_and_not_be_hidden() -> None:
    house = House({"small": [Transient("read timeout", unaccounted=True)]})
    with pytest.raises(Transient) as raised:
        house.generator.generate(HELLO, ALONE, WHO)
    assert house.purse.spent[0].nanodollars == house.purse.most[0] > 0
    assert raised.value.usage is not None
    assert raised.value.usage.tokens_out == HELLO.max_tokens


def test_an_answer_that_cannot_be_counted_should_be_given_all_the_same() -> None:
    house = House({"small": ["Hi"]}, Purse(unsettled=[Transient("a"), Throttled("b")]))
    assert house.generator.generate(HELLO, Terms(), WHO).output == ChatOutput(text="Hi")
    assert (len(house.purse.spent), house.log) == (1, [])
    never = House({"small": ["Hi"]}, Purse(unsettled=[Transient(str(n)) for n in range(9)]))
    assert never.generator.generate(HELLO, Terms(), WHO).output == ChatOutput(text="Hi")
    assert [str(error) for error in never.log] == ["6"]
    assert never.watch.ended == [("small", "")]


def test_what_a_service_said_should_be_in_the_log_and_nowhere_else() -> None:
    secret = "arn:aws:bedrock:us-east-1:123456789012:model"
    script: dict[str, list[Answer]] = {"small": [Transient(secret)], "large": ["Hi"]}
    house = House(script)
    found = house.generator.generate(HELLO, Terms(), WHO)
    assert secret not in found.model_dump_json()
    assert [str(error) for error in house.log] == [secret]
    failing = House({"small": [ModelFailure(secret)], "large": [HeadraceError(secret)]})
    with pytest.raises(ModelFailure) as raised:
        failing.generator.generate(HELLO, Terms(), WHO)
    assert secret not in str(raised.value)


def test_a_rejected_answer_should_not_be_told() -> None:
    house = House({"small": ['{"b": "hush"}'] * 2, "large": ['{"a": 1}']})
    found = house.generator.generate(JSON, Terms(), WHO)
    assert found.attempts[0].reason == 'schema: $ does not keep to required ["a"]'
    assert "hush" not in found.model_dump_json()


def test_a_repair_should_be_reserved_by_what_it_reads() -> None:
    house = House({"small": ["not json " * 200, '{"a": 1}']})
    house.generator.generate(JSON.model_copy(update={"max_tokens": 500}), Terms(), WHO)
    first, second = house.purse.most
    assert second - first > 200 * 1_000
    short = House({"small": ["no", '{"a": 1}']})
    short.generator.generate(JSON.model_copy(update={"max_tokens": 500}), Terms(), WHO)
    assert short.purse.most[1] < 2 * short.purse.most[0]


def test_a_repair_should_not_cost_more_than_the_request_has_left() -> None:
    probe = House({"small": ["no"] * 2})
    with pytest.raises(NoAnswer):
        probe.generator.generate(JSON, ALONE, WHO)
    budget = dollars(probe.purse.most[0])
    house = House({"small": ["no"] * 2})
    with pytest.raises(NoAnswer):
        house.generator.generate(JSON, ALONE.model_copy(update={"budget": budget}), WHO)
    assert house.asked() == ["small"]


def test_a_repair_should_fit_into_the_model() -> None:
    limits = ModelLimits(context_tokens=130, output_tokens=1_000)
    models = planning.served(replace(MODELS.models["small"], limits=limits))
    house = House({"small": ["not json " * 60] * 2}, models=models)
    with pytest.raises(NoAnswer):
        house.generator.generate(JSON, ALONE, WHO)
    assert house.asked() == ["small"]


def test_no_further_model_should_be_asked_once_there_is_no_time() -> None:
    house = House({"small": [Transient("slow")], "large": ["Hi"]})
    house.clock = 10.0
    with pytest.raises(Transient, match="No answer came in time") as raised:
        house.generator.generate(HELLO, Terms(), WHO, limits=CallLimits(deadline=11.0))
    assert house.asked() == []
    assert raised.value.retry_after == 1
    found = house.generator.generate(HELLO, Terms(), WHO, limits=CallLimits(deadline=40.0))
    assert found.model == "large"
    assert house.backend.asking[0].seconds_left == 30.0


def test_a_stream_should_end_when_its_time_does() -> None:
    house = House({"small": ["He", "llo", "!"]})
    stream = house.generator.stream(HELLO, Terms(), WHO, limits=CallLimits(deadline=5.0))
    assert next(stream) == TextDelta("He")
    house.clock = 6.0
    with pytest.raises(Transient, match="Small: failed") as raised:
        next(stream)
    assert raised.value.usage is not None
    assert house.is_even()
    assert house.watch.ended == [("small", "")]


def test_a_deadline_should_bound_the_time_of_a_call() -> None:
    house = House({"small": ["Hi"]})
    soon = planning.NOW.replace(second=9)
    house.generator.generate(HELLO, Terms(deadline=soon), WHO)
    assert house.backend.asking[0].seconds_left == 9.0


@pytest.mark.parametrize(
    ("changes", "checks", "field"),
    [
        ({"json_output": JsonOutput(json_schema={"type": "objekt"})}, (), "json_schema.type"),
        (
            {"tools": (Tool(name="a"), Tool(name="b", parameters={"properties": 1}))},
            (),
            "tools.1.parameters.properties",
        ),
        ({}, ("moderated",), "checks"),
    ],
)
def test_what_an_answer_can_never_stand_should_be_told_before_it_is_paid_for(
    changes: dict[str, Any], checks: tuple[str, ...], field: str
) -> None:
    house = House({"small": ["Hi"]})
    call = HELLO.model_copy(update=changes)
    with pytest.raises(InvalidInput) as raised:
        house.generator.generate(call, Terms(checks=checks), WHO)
    assert raised.value.field == field
    assert house.purse.most == []


def test_an_answer_that_cannot_be_carried_should_be_refused_before_it_is_paid_for() -> None:
    limits = ModelLimits(dimensions=(1_024,))
    models = planning.served(planning.model("small", task="embedding", limits=limits))
    house = House({}, models=models)
    call = EmbedCall(texts=("a",) * 10)
    with pytest.raises(Unsupported, match="can be carried"):
        house.generator.generate(call, Terms(), WHO, limits=CallLimits(max_bytes=200_000))
    assert house.purse.most == []


def test_a_stream_that_ends_without_saying_how_should_be_counted_as_far_as_it_came() -> None:
    house = House({"small": ["Hello", Transient("a")]})
    stream = house.generator.stream(HELLO, ALONE, WHO)
    assert not isinstance(next(stream), Generation)
    with pytest.raises(Transient):
        next(stream)
    assert house.is_even()


def test_an_answer_that_is_said_to_be_cut_off_should_cost_what_it_used() -> None:
    house = House({"small": [said("small", '{"a', "length")]})
    found = house.generator.generate(JSON, Terms(), WHO)
    assert found.receipt.dollars == Decimal("0.000014")


def test_an_error_should_tell_what_attempts_cost_that_gave_nothing() -> None:
    house = House({"small": ["No."], "large": [ModelFailure("nothing")]})
    with pytest.raises(NoAnswer) as raised:
        house.generator.generate(HELLO, Terms(checks=("contains:yes",)), WHO)
    receipt = raised.value.receipt
    assert receipt is not None
    assert [line.model for line in receipt.lines] == ["small-really"]
    assert nanodollars(receipt.dollars) == sum(used.nanodollars for used in house.purse.spent) > 0


def test_an_error_of_a_call_that_used_nothing_should_have_no_receipt() -> None:
    house = House({"small": [Throttled("a")], "large": [Throttled("b")]})
    with pytest.raises(Throttled) as raised:
        house.generator.generate(HELLO, Terms(), WHO)
    assert raised.value.receipt is None
