from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chalicelib.contracts.generations import Reply
from chalicelib.errors import QuotaExceeded, Throttled, Transient
from chalicelib.generation.executor import Generator
from tests.unit.api.fakes import Api, error_of
from tests.unit.generation import planning
from tests.unit.generation.fakes import House, Purse, Scripted, said

PATH = "/v1/generations"


@pytest.fixture
def api() -> Api:
    return Api()


def house(api: Api, **script: Any) -> House:
    api.house = House(script)
    return api.house


def test_an_answer_should_come_with_who_was_tried_and_what_it_cost(api: Api) -> None:
    asked = house(api, small=["Hi"])
    response = api.call("POST", PATH, {"prompt": "Hello", "system": "Be brief."})
    assert response.status_code == 200
    told = response.json_body
    assert told["output"] == {"task": "chat", "text": "Hi", "tool_calls": [], "finish": "stop"}
    assert [attempt["outcome"] for attempt in told["attempts"]] == ["accepted"]
    assert told["receipt"]["dollars"] == "0.000014000"
    assert told["plan"]
    (asking,) = asked.backend.asking
    assert asking.tenant == "acme"
    assert asked.purse.spent


def test_a_conversation_should_be_taken_in_turns(api: Api) -> None:
    asked = house(api, small=["Hi"])
    turns = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": "And?"},
    ]
    assert api.call("POST", PATH, {"messages": turns}).status_code == 200
    ((_, call),) = asked.backend.asked
    assert call.task == "chat"
    assert [message.role for message in call.messages] == ["user", "assistant", "user"]


def test_the_same_key_should_be_paid_for_once(api: Api) -> None:
    asked = house(api, small=["Hi"])
    first = api.call("POST", PATH, {"prompt": "Hello"}, idempotency_key="k")
    again = api.call("POST", PATH, {"prompt": "Hello"}, idempotency_key="k")
    assert first.json_body == again.json_body
    assert len(asked.purse.spent) == 1


def test_an_answer_that_is_being_made_should_be_waited_for_and_not_be_paid_for_twice(
    api: Api,
) -> None:
    asked = house(api, small=["Hi"])
    meanwhile: list[Any] = []

    @dataclass
    class Asks(Scripted):
        def generate(self, *given: Any) -> Reply:
            meanwhile.append(api.call("POST", PATH, {"prompt": "Hello"}, idempotency_key="k"))
            meanwhile.append(api.call("POST", PATH, {"prompt": "Other"}, idempotency_key="k"))
            return super().generate(*given)

    backend = Asks(asked.backend.script)
    stage = replace(asked.generator.deps, backends={"bedrock": backend})
    asked.generator = Generator(stage)
    first = api.call("POST", PATH, {"prompt": "Hello"}, idempotency_key="k")
    assert first.status_code == 200
    same, other = meanwhile
    assert same.status_code == other.status_code == 409
    assert same.headers["Retry-After"] == "5"
    assert "being made" in error_of(same)["message"]
    assert "different request" in error_of(other)["message"]
    again = api.call("POST", PATH, {"prompt": "Hello"}, idempotency_key="k")
    assert again.json_body == first.json_body
    assert len(asked.purse.spent) == 1


def test_a_failure_that_was_paid_for_should_be_kept_and_one_that_passes_should_not(
    api: Api,
) -> None:
    asked = house(api, small=["No.", "No."], large=["No.", "No."])
    body = {"prompt": "Hello", "checks": ["contains:yes"]}
    failed = api.call("POST", PATH, body, idempotency_key="k")
    again = api.call("POST", PATH, body, idempotency_key="k")
    assert failed.status_code == again.status_code == 502
    assert failed.json_body == again.json_body
    assert len(asked.purse.spent) == 2
    other = house(api, small=[Transient("a"), "Hi"], large=[Transient("b")])
    first = api.call("POST", PATH, {"prompt": "Hello"}, idempotency_key="l")
    assert first.status_code == 503
    second = api.call("POST", PATH, {"prompt": "Hello"}, idempotency_key="l")
    assert second.status_code == 200
    assert other.asked() == ["small", "large", "small"]


def test_an_answer_that_was_cut_off_should_be_paid_for_once(api: Api) -> None:
    asked = house(api, small=[said("small", "Once", "length")])
    body = {"prompt": "Hello", "max_tokens": 9}
    for _ in range(2):
        assert api.call("POST", PATH, body, idempotency_key="k").status_code == 400
    assert len(asked.purse.spent) == 1


def test_a_mistake_that_cost_nothing_should_not_be_kept(api: Api) -> None:
    asked = house(api, small=["Hi"])
    assert api.call("POST", PATH, {"prompt": "a", "model": "no"}, idempotency_key="k").status_code
    assert api.call("POST", PATH, {"prompt": "Hello"}, idempotency_key="k").status_code == 200
    assert asked.asked() == ["small"]


def test_an_answer_that_cannot_be_kept_should_be_given_all_the_same(api: Api) -> None:
    house(api, small=["Hi"])
    api.records.unkept = Throttled("full")
    assert api.call("POST", PATH, {"prompt": "Hello"}, idempotency_key="k").status_code == 200


def test_pictures_that_no_answer_can_carry_should_be_refused_before_they_are_paid_for(
    api: Api,
) -> None:
    models = planning.served(planning.model("small", task="image", outputs=frozenset({"image"})))
    asked = api.house = House({}, models=models)
    body = {"task": "image", "prompt": "A weir", "count": 2}
    response = api.call("POST", PATH, body)
    assert response.status_code == 422
    assert "8,388,608 bytes" in error_of(response)["message"]
    assert asked.purse.most == []


def test_a_model_should_not_be_waited_for_longer_than_the_gateway_waits(api: Api) -> None:
    asked = house(api, small=["Hi"])
    api.call("POST", PATH, {"prompt": "Hello"})
    (asking,) = asked.backend.asking
    assert asking.seconds_left is not None
    assert 0 < asking.seconds_left <= 27


def test_an_answer_that_was_cut_off_should_be_an_error_unless_it_is_wanted(api: Api) -> None:
    house(api, small=[said("small", "Once upon", "length")] * 2)
    response = api.call("POST", PATH, {"prompt": "Hello", "max_tokens": 9})
    assert response.status_code == 400
    error = error_of(response)
    assert (error["field"], error["limit"]) == ("max_tokens", "9")
    assert "allow_truncation" in error["message"]
    wanted = api.call("POST", PATH, {"prompt": "Hello", "max_tokens": 9, "allow_truncation": True})
    assert wanted.json_body["output"]["finish"] == "length"


def test_answers_that_do_not_stand_should_be_told_with_their_reasons(api: Api) -> None:
    house(api, small=["No."], large=["No."])
    response = api.call("POST", PATH, {"prompt": "Hello", "checks": ["contains:yes"]})
    assert response.status_code == 502
    assert "Small: contains: it does not say 'yes'" in error_of(response)["message"]


def test_what_a_service_said_should_stay_in_the_log(api: Api) -> None:
    house(api, small=[Transient("secret arn")], large=[Transient("secret arn")])
    response = api.call("POST", PATH, {"prompt": "Hello"})
    assert response.status_code == 503
    assert "secret" not in response.body.decode()


def test_a_budget_that_is_used_up_should_say_when_it_opens(api: Api) -> None:
    refusal = QuotaExceeded("No dollars are left of today.", retry_after=3600)
    api.house = House({}, Purse(refuses=refusal))
    response = api.call("POST", PATH, {"prompt": "Hello"})
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "3600"
    assert "No dollars are left" in error_of(response)["message"]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "body"),
        ({"prompt": "a", "texts": ["b"]}, 400, "body"),
        ({"task": "embedding", "prompt": "a"}, 400, "body"),
        ({"prompt": "a", "colour": "red"}, 400, "colour"),
        ({"prompt": "a", "max_tokens": 0}, 400, "max_tokens"),
        ({"prompt": "a", "model": "none"}, 404, "model"),
        ({"prompt": "a", "quality": 5}, 422, "model"),
        ({"prompt": "a", "checks": ["nonsense"]}, 400, "checks"),
        ({"messages": [{"role": "assistant", "content": "a"}]}, 400, "messages.0.role"),
        (
            {
                "messages": [
                    {"role": "user", "content": "a"},
                    {"role": "assistant", "content": "b"},
                ]
            },
            400,
            "messages",
        ),
    ],
)
def test_a_mistake_should_be_told_with_its_place_and_cost_nothing(
    api: Api, body: dict[str, Any], status: int, field: str
) -> None:
    asked = house(api)
    response = api.call("POST", PATH, body)
    assert response.status_code == status, response.body
    assert error_of(response)["field"] == field
    assert asked.purse.most == []


def test_an_answer_should_be_json_that_programs_can_read(api: Api) -> None:
    house(api, small=['{"a": 1}'])
    schema = {"type": "object", "required": ["a"]}
    response = api.call("POST", PATH, {"prompt": "Hello", "json_schema": schema})
    assert json.loads(response.json_body["output"]["text"]) == {"a": 1}
