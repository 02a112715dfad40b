from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from chalicelib.errors import HeadraceError, NotFound, Transient
from chalicelib.generation.added_models import (
    FRESH_SECONDS,
    AddedModels,
    AddedModelsError,
    ModelReader,
    load_added_models,
    merge_models,
    priced_entries,
)
from chalicelib.generation.model_schema import ModelEntry
from chalicelib.generation.models import OpenAiBackend
from chalicelib.generation.pricing import is_priced
from tests.unit.generation import planning

OWN = planning.served(
    planning.model("small", local="stand-in"), planning.model("large", local="stand-in")
)


def entry(name: str = "tiny", **backend: Any) -> dict[str, Any]:
    return {
        "name": name,
        "title": "Tiny",
        "provider": "models.example",
        "task": "chat",
        "tier": 2,
        "licence": "as its provider states",
        "backend": {
            "kind": "openai",
            "url": "https://models.example/v1",
            "model_id": "tiny:1b",
            "schema": "openai-chat",
            "secret": f"headrace/test/models/{name}",
            "reach": "global",
            **backend,
        },
        "limits": {"context_tokens": 4_096},
        "inputs": ["text"],
        "outputs": ["text"],
        "abilities": ["streams"],
        "lifecycle": {"status": "active"},
        "queue": "gpu-1",
    }


PRICES = priced_entries(
    "tiny", {"input_token": "0.0000001", "output_token": "0.0000004"}, "2026-11-30", "Said"
)


def test_an_added_model_should_be_served_and_priced_like_all_others() -> None:
    added = load_added_models(AddedModels().with_model(entry(), PRICES).dump())
    stage = merge_models(OWN, {}, added, shared_queues=False)
    model = stage.models.model("tiny")
    assert list(stage.models.models) == ["small", "large", "tiny"]
    assert isinstance(model.backend, OpenAiBackend)
    assert model.backend.secret == "headrace/test/models/tiny"
    assert is_priced(model, stage.prices)
    assert (model.queue, model.capacity) == ("gpu-1", "gpu-1")


@pytest.mark.parametrize(("reach", "is_reached"), [("geography", False), ("global", True)])
def test_a_server_should_be_as_far_away_as_its_operator_says(reach: Any, is_reached: bool) -> None:
    stage = merge_models(OWN, {}, AddedModels((entry(),)), shared_queues=False)
    route = replace(planning.HOME, reach=reach).route(stage.models.models["tiny"])
    assert (route is not None) is is_reached
    assert route is None or "models.example" not in f"{route}", "tenants learn no address"


def test_stand_ins_should_share_a_queue_only_where_the_stage_says_so() -> None:
    own, shared = (
        merge_models(OWN, {}, AddedModels(), shared_queues=said).models.models
        for said in (False, True)
    )
    assert {model.capacity for model in own.values()} == {"small", "large"}
    assert {model.capacity for model in shared.values()} == {"stand-in"}


def test_a_replaced_model_should_lose_its_old_price_and_the_questions() -> None:
    first = AddedModels().with_model(entry(), PRICES, for_questions=True)
    second = first.with_model(entry(), ())
    assert (first.question_model, second.question_model) == ("tiny", "")
    assert (len(second.models), second.prices) == (1, ())
    assert second.without("tiny") == AddedModels()
    assert second.secrets_of("tiny") == ("headrace/test/models/tiny",)


def test_a_name_of_the_catalogue_should_stay_the_catalogue_s() -> None:
    stage = merge_models(OWN, {}, AddedModels((entry("small"),)), shared_queues=False)
    assert stage.models.models["small"] is OWN.models["small"]


@pytest.mark.parametrize("text", ["", "[]", '{"models": [], "prices": []}', "{"])
def test_a_document_that_is_none_should_be_refused(text: str) -> None:
    with pytest.raises(AddedModelsError):
        load_added_models(text)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("url", "ftp://a/v1", "must begin with"),
        ("url", "https://me:secret@a/v1", "neither a user name"),
        ("url", "https://a/v1/", "without a slash"),
        ("url", "https://a/v1?key=1", "no query"),
        ("model_id", "", "at least 1 character"),
        ("reach", "moon", "region"),
    ],
)
def test_an_entry_that_could_not_be_called_should_be_refused(
    field: str, value: str, says: str
) -> None:
    with pytest.raises(ValidationError, match=says):
        ModelEntry.model_validate(entry(**{field: value}))


class Records:
    """Added models in memory, which cannot be read while `down`."""

    def __init__(self) -> None:
        self.added, self.down, self.reads = AddedModels(), False, 0

    def read(self) -> AddedModels:
        self.reads += 1
        if self.down:
            raise Transient("DynamoDB did not answer.")
        return self.added


def test_a_process_should_see_a_change_soon_and_outlive_what_it_cannot_read() -> None:
    records, log, now = Records(), list[HeadraceError](), [0.0]
    reader = ModelReader(OWN, {}, records.read, False, lambda: now[0], log.append)
    first = reader.read()
    records.added = AddedModels((entry(),))
    assert reader.read() is first
    assert records.reads == 1
    now[0] += FRESH_SECONDS
    second = reader.read()
    assert second.models.model("tiny").title == "Tiny"
    now[0] += FRESH_SECONDS
    assert reader.read() is second, "what did not change is not built anew"
    records.down = True
    now[0] += FRESH_SECONDS
    assert reader.read() is second
    records.down, records.added = False, AddedModels(({"name": "broken"},))
    now[0] += FRESH_SECONDS
    assert reader.read() is second
    assert ["did not answer" in log[0].message, "cannot be read" in log[1].message] == [True] * 2


def test_a_stage_that_cannot_read_at_its_start_should_serve_the_catalogue() -> None:
    records = Records()
    records.down = True
    reader = ModelReader(OWN, {}, records.read, True, lambda: 0.0, lambda error: None)
    models = reader.read().models
    assert set(models.models) == {"small", "large"}
    with pytest.raises(NotFound, match="tiny"):
        models.model("tiny")
