from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from chalicelib.errors import NotFound
from chalicelib.generation.catalogue import catalogue


def test_every_file_has_a_hash_and_a_size() -> None:
    for model in catalogue().models.values():
        for file in [*model.files, *(file for source in model.sources for file in source.files)]:
            assert len(bytes.fromhex(file.sha256)) == 32, (model.name, file.name)
            assert file.bytes > 0, (model.name, file.name)


def test_a_source_without_recipe_gives_the_models_own_files() -> None:
    for model in catalogue().models.values():
        own = {(file.name, file.sha256) for file in model.files}
        for source in model.sources:
            if not source.recipe:
                assert {(file.name, file.sha256) for file in source.files} == own


def test_every_price_has_a_day_and_the_title_of_its_page() -> None:
    for price in catalogue().prices.values():
        assert price.dollars > 0
        assert price.date > date(2025, 1, 1)
        assert "Pricing" in price.source or "Price List" in price.source


def test_every_bedrock_model_for_texts_is_priced() -> None:
    known = catalogue()
    for model in known.bedrock_models.values():
        assert known.token_cost(model.model_id, 1_000_000) > 0
        if model.role == "chat":
            assert known.token_cost(model.model_id, 0, 1_000_000) > 0


def test_a_profile_costs_what_its_factor_says() -> None:
    known = catalogue()
    model_id = "anthropic.claude-haiku-4-5-20251001-v1:0"
    arn = f"arn:aws:bedrock:us-east-1:000000000000:inference-profile/us.{model_id}"
    costs = [known.token_cost(asked, 1000) for asked in (f"global.{model_id}", model_id, arn)]
    assert costs == [1_000_000, 1_100_000, 1_100_000]


def test_costs_are_whole_nano_dollars() -> None:
    known = catalogue()
    assert known.cost("lambda.gb_second.arm64", 0.5) == 6667
    assert known.cost("stepfunctions.standard.transition", 7) == 175_000
    assert known.cost("s3vectors.query.request", 1) == 2500
    assert known.token_cost("amazon.nova-micro-v1:0", 1000, 200) == 63_000
    assert known.price("s3vectors.storage.gb_month").dollars == Decimal("0.06")


@pytest.mark.parametrize(
    "model_id",
    [
        "amazon.nova-micro-v1:0",
        "us.amazon.nova-micro-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0",
        "arn:aws:bedrock:us-east-1:000000000000:inference-profile/eu.amazon.nova-micro-v1:0",
    ],
)
def test_a_bedrock_model_is_found_by_id_profile_and_arn(model_id: str) -> None:
    found = catalogue().bedrock_model(model_id)
    assert found is not None
    assert found.local == "smollm2-135m-instruct-q4_1"


def test_every_stand_in_is_a_model_of_the_catalogue() -> None:
    known = catalogue()
    for model in known.bedrock_models.values():
        assert not model.local or model.local in known.models


def test_what_is_not_there_is_said() -> None:
    known = catalogue()
    assert known.bedrock_model("amazon.nova-unheard-of-v9:0") is None
    with pytest.raises(NotFound, match="No model is called 'gpt'"):
        known.model("gpt")
    with pytest.raises(NotFound, match=r"no price for 'lambda\.hour'"):
        known.price("lambda.hour")
