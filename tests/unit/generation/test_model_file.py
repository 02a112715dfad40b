from __future__ import annotations

import json
from copy import deepcopy
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import NotFound
from chalicelib.generation.bodies import embeddings, images
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.model_file import SERVED_FILE, parse_served_models, served_models
from chalicelib.generation.model_schema import ServedFileError, validate_served_file
from chalicelib.generation.models import BedrockBackend, EndpointBackend, FunctionBackend, Lifecycle

WRITTEN = json.loads(SERVED_FILE.read_text(encoding="utf-8"))


def changed(**fields: Any) -> dict[str, Any]:
    """Return the file with these fields of its first model replaced, or dropped where None."""
    written: dict[str, Any] = deepcopy(WRITTEN)
    first = written["models"][0]
    for name, value in fields.items():
        if value is None:
            del first[name]
        else:
            first[name] = value
    return written


def test_every_model_should_have_a_body_that_is_written_for_it() -> None:
    for model in served_models().models.values():
        if isinstance(model.backend, BedrockBackend):
            schemas = {"chat": {"converse"}, "embedding": {*embeddings.BEDROCK_FORMATS}}
            known = schemas.get(model.task, {*images.BEDROCK_FORMATS})
            assert model.backend.schema in known, model.name
            assert (model.backend.api == "converse") == (model.task == "chat"), model.name


def test_every_profile_should_be_of_its_own_model_and_leave_from_somewhere() -> None:
    for model in served_models().models.values():
        if isinstance(model.backend, BedrockBackend):
            for area, profile in model.backend.profiles.items():
                assert profile.id == f"{area}.{model.backend.model_id}"
                assert profile.regions
            assert model.backend.regions or model.backend.profiles, model.name


def test_every_model_that_is_named_should_be_there() -> None:
    known = catalogue().models
    for model in served_models().models.values():
        assert not model.local or model.local in known, model.name
        assert model.task != "embedding" or not model.fallbacks, model.name
    priced = [
        model.priced_as
        for model in served_models().models.values()
        if not isinstance(model.backend, FunctionBackend)
    ]
    assert len(set(priced)) == len(priced)


def test_the_file_should_be_valid() -> None:
    validate_served_file(WRITTEN)
    assert [*served_models().models] == [entry["name"] for entry in WRITTEN["models"]]


@pytest.mark.parametrize(
    "asked",
    [
        "nova-micro",
        "amazon.nova-micro-v1:0",
        "eu.amazon.nova-micro-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0",
    ],
)
def test_a_model_should_be_found_by_name_id_profile_and_arn(asked: str) -> None:
    assert served_models().model(asked).name == "nova-micro"


def test_every_alias_should_name_one_model_that_has_not_ended() -> None:
    aliases = [alias for model in served_models().models.values() for alias in model.aliases]
    assert len(set(aliases)) == len(aliases)
    assert {"gpt-4o-mini", "gpt-4o", "text-embedding-3-small"} <= set(aliases)
    for alias in aliases:
        model = served_models().model(alias)
        assert alias in model.aliases
        assert model.lifecycle.status_on(date(2026, 11, 28)) == "active"
    assert served_models().model("gpt-4o-mini").name == "nova-lite"
    assert served_models().model("text-embedding-3-small").limits.dimensions[0] == 1536
    assert served_models().model("text-embedding-3-large").limits.dimensions[0] == 3072


@pytest.mark.parametrize("alias", ["auto", "nova-lite", "gpt-4o"])
def test_an_alias_should_not_be_the_name_of_another_model(alias: str) -> None:
    with pytest.raises(ServedFileError, match=rf"nova-micro.aliases: '{alias}' is already"):
        validate_served_file(changed(aliases=["gpt-4o", alias]))


def test_a_model_that_is_not_served_should_be_said_with_those_that_are() -> None:
    with pytest.raises(NotFound, match=r"served as 'gpt-9'.*nova-micro.*or auto") as missing:
        served_models().model("gpt-9")
    assert missing.value.field == "model"


def test_a_profile_may_cost_more_than_the_model() -> None:
    backend = served_models().model("claude-haiku-4-5").backend
    assert isinstance(backend, BedrockBackend)
    model_id = backend.model_id
    assert [backend.price_factor(asked) for asked in (model_id, f"global.{model_id}")] == [
        Decimal("1.1"),
        Decimal(1),
    ]
    nearby = backend.route("us-west-2")
    assert nearby is not None
    assert (nearby.model_id, nearby.reach, nearby.price_factor) == (
        f"us.{model_id}",
        "geography",
        Decimal("1.1"),
    )
    anywhere = backend.route("us-west-2", "global")
    assert anywhere is not None
    assert (anywhere.model_id, anywhere.price_factor) == (f"global.{model_id}", Decimal(1))
    assert backend.route("us-west-2", "region") is None


def test_a_life_should_end_on_its_day() -> None:
    life = Lifecycle("legacy", ends=date(2026, 9, 30))
    assert [life.status_on(date(2026, 9, 29)), life.status_on(date(2026, 9, 30))] == [
        "legacy",
        "ended",
    ]
    assert Lifecycle("active").status_on(date(2040, 1, 1)) == "active"


def test_an_endpoint_should_be_a_model_without_code() -> None:
    endpoint = {"kind": "endpoint", "endpoint": "mine", "schema": "openai", "asynchronous": True}
    written = changed(name="mine", backend=endpoint, fallbacks=[])
    model = parse_served_models(written).model("mine")
    assert model.backend == EndpointBackend("mine", "openai", asynchronous=True)
    assert model.backend.route("eu-west-1") is not None
    assert model.price_unit("input_token") == "served.mine.input_token"


def test_what_a_stage_trains_should_be_a_model_without_code() -> None:
    backend = {"kind": "function", "function": "complete_text", "memory_mb": 1769}
    told = {"tokens_per_second": 200, "recipes": ["adapted"], "template": "Q: {}\nA:"}
    found = parse_served_models(
        changed(name="mine", backend={**backend, **told}, fallbacks=[])
    ).model("mine")
    assert isinstance(found.backend, FunctionBackend)
    assert (found.backend.recipes, found.backend.template) == (("adapted",), "Q: {}\nA:")
    for wrong in ("Q:", "{} and {}"):
        written = changed(name="mine", backend={**backend, **told, "template": wrong}, fallbacks=[])
        with pytest.raises(
            ServedFileError,
            match=r"mine\.backend\.function\.template: .* a text with \{\} in one place",
        ):
            validate_served_file(written)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tier": 6}, r"nova-micro\.tier: .* less than or equal to 5 \(it is 6\)"),
        ({"tier": "2"}, r"nova-micro\.tier: .* a valid integer \(it is '2'\)"),
        ({"tier": None}, r"nova-micro\.tier: Field required"),
        ({"colour": "red"}, r"nova-micro\.colour: Extra inputs are not permitted"),
        (
            {"task": "poetry"},
            r"nova-micro\.task: .* should be 'chat', 'embedding'.* \(it is 'poetry'\)",
        ),
        ({"abilities": ["fly"]}, r"nova-micro\.abilities\.0: .* 'tools', 'tool_choice', 'json'"),
        ({"inputs": "text"}, r"nova-micro\.inputs: .* a valid list \(it is 'text'\)"),
        ({"fallbacks": ["gpt"]}, r"nova-micro\.fallbacks names 'gpt'; .* for chat: .*claude"),
        ({"fallbacks": ["nova-micro"]}, r"must be another model for chat"),
        ({"fallbacks": ["titan-embed-text-v2"]}, r"must be another model for chat"),
        (
            {"lifecycle": {"status": "ended"}},
            r"lifecycle\.status: .* 'active' or 'legacy' \(it is 'ended'\)",
        ),
        ({"lifecycle": {"status": "active", "ends": "soon"}}, r"lifecycle\.ends: .* valid date"),
        (
            {"batch": {"price_factor": 0.5, "least_items": 1}},
            r"batch\.price_factor: .* a valid string \(it is 0.5\)",
        ),
        ({"batch": {"price_factor": "half", "least_items": 1}}, r"a decimal in quotes"),
        (
            {"flex": {"price_factor": "-1"}},
            r"flex\.price_factor: .* must be above 0 \(it is '-1'\)",
        ),
        ({"backend": {"kind": "carrier-pigeon"}}, r"backend: .* 'bedrock', 'endpoint', 'function'"),
        ({"limits": {"dimensions": [0]}}, r"limits\.dimensions\.0: .* greater than 0 \(it is 0\)"),
        (
            {"limits": {"context_tokens": -1}},
            r"limits\.context_tokens: .* greater than or equal to 0 \(it is -1\)",
        ),
        ({"name": "nova-lite", "fallbacks": []}, r"describes nova-lite twice"),
    ],
)
def test_what_is_wrong_should_be_named(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ServedFileError, match=message):
        validate_served_file(changed(**fields))


@pytest.mark.parametrize("written", [None, [], {}, {"facts": {}, "areas": {}, "models": {}}])
def test_another_file_should_be_refused(written: object) -> None:
    with pytest.raises(ServedFileError):
        validate_served_file(written)


@given(st.data())
def test_any_field_of_another_kind_should_be_refused(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(WRITTEN["models"][0])))
    kinds = [
        *(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
        *(st.lists(st.text(), max_size=2), st.dictionaries(st.text(), st.text(), max_size=2)),
    ]
    was = type(WRITTEN["models"][0][name])
    value = data.draw(st.one_of(kinds).filter(lambda drawn: type(drawn) is not was))
    written = deepcopy(WRITTEN)
    written["models"][0][name] = value
    with pytest.raises(ServedFileError, match=name):
        validate_served_file(written)
