from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from types import MappingProxyType

from chalicelib.generation.catalogue import Catalogue, UnitPrice, catalogue
from chalicelib.generation.model_checks import (
    DEFAULT_REGION,
    ListedModel,
    compare_with_bedrock,
    find_faults,
    image_regions,
    unserved_ids,
)
from chalicelib.generation.model_file import served_models as shipped
from chalicelib.generation.models import (
    BedrockBackend,
    EndpointBackend,
    InferenceProfile,
    Lifecycle,
    ServedModel,
    ServedModels,
)
from chalicelib.generation.requirements import CallRegion
from tests.unit.generation.planning import NOW, model, prices, served

TODAY = NOW.date()
ON_DEMAND = frozenset({"ON_DEMAND"})


def known(**dollars: tuple[str, str]) -> Catalogue:
    return Catalogue(catalogue().models, prices(**dollars), "us-east-1")


def found(models: ServedModels, **dollars: tuple[str, str]) -> list[tuple[str, str, str]]:
    return [(one.kind, one.model, one.text) for one in find_faults(models, known(**dollars), TODAY)]


def with_backend(**changes: object) -> ServedModel:
    one = model()
    assert isinstance(one.backend, BedrockBackend)
    return replace(one, backend=replace(one.backend, **changes))  # type: ignore[arg-type]


def test_what_is_shipped_should_have_no_fault() -> None:
    faults = [one for one in find_faults(shipped(), catalogue(), TODAY) if one.kind == "fault"]
    assert faults == []


def test_a_sound_model_should_have_no_findings() -> None:
    assert found(served(model()), small=("1", "2")) == []


def test_what_a_call_would_fail_by_should_be_a_fault() -> None:
    nowhere = with_backend(regions=frozenset(), profiles=MappingProxyType({}))
    assert ("fault", "small", "it can be called from no region") in found(served(nowhere))
    moon = with_backend(regions=frozenset({"the-moon"}))
    assert ("fault", "small", "no region or area is called the-moon") in found(served(moon))
    other = with_backend(
        profiles=MappingProxyType(
            {"us": InferenceProfile("us.other", frozenset({"us-east-2"}), Decimal(1))}
        )
    )
    assert ("fault", "small", "profile us is of another model: us.other") in found(served(other))
    assert ("fault", "small", "local names no model: nobody") in found(
        served(model(local="nobody"))
    )
    assert ("fault", "small", "minilm-l6-v2-int8 is for text-embedding") in found(
        served(model(local="minilm-l6-v2-int8"))
    )


def test_lives_and_prices_should_be_noticed() -> None:
    soon = TODAY + timedelta(days=90)
    models = served(
        model(lifecycle=Lifecycle("legacy", ends=soon), fallbacks=("gone",)),
        model("gone", lifecycle=Lifecycle("legacy", ends=TODAY)),
        model("free"),
    )
    unit = "bedrock.maker.nobody-v1:0.input_token"
    stray = {unit: UnitPrice(unit, Decimal(1), TODAY, "Pricing")}
    told = known(small=("1", "2"), gone=("1", "2"))
    told = replace(told, prices={**told.prices, **stray})
    assert [(one.kind, one.model, one.text) for one in find_faults(models, told, TODAY)] == [
        ("notice", "small", f"it ends on {soon}"),
        ("notice", "small", "its fallback gone is ended, and never asked"),
        ("notice", "gone", f"it ended on {TODAY}"),
        ("notice", "free", "it is not priced: it is asked by name only"),
        (
            "notice",
            "bedrock.maker.nobody-v1:0",
            f"{unit} has a price, and no model is served by it",
        ),
    ]
    later = find_faults(served(model()), known(small=("1", "2")), date(2027, 1, 2))
    assert [one.text for one in later] == ["its price is of 2026-01-01"]


def test_a_task_without_a_model_in_a_while_should_be_noticed() -> None:
    ends = TODAY + timedelta(days=80)
    painter = model("painter", task="image", lifecycle=Lifecycle("active", ends=ends))
    models = served(painter, model("writer"))
    priced = known(painter=("1", "2"), writer=("1", "2"))
    assert [(one.model, one.text) for one in find_faults(models, priced, TODAY)] == [
        ("painter", f"it ends on {ends}"),
        ("painter", "it is not priced: it is asked by name only"),
        ("image", "no model of Bedrock for it stays for 90 days in us-east-1"),
    ]


def test_an_end_that_bedrock_alone_knows_should_be_told() -> None:
    """https://docs.aws.amazon.com/bedrock/latest/APIReference/API_FoundationModelLifecycle.html"""
    ends = TODAY + timedelta(days=200)
    models = served(
        model("known", lifecycle=Lifecycle("active", ends=ends)),
        model("unknown"),
        model("aged", lifecycle=Lifecycle("legacy")),
    )
    listed = [
        ListedModel("maker.known-v1:0", "ACTIVE", ON_DEMAND, ends),
        ListedModel("maker.unknown-v1:0", "ACTIVE", ON_DEMAND, ends),
        ListedModel("maker.aged-v1:0", "LEGACY", ON_DEMAND, ends),
    ]
    standings = compare_with_bedrock(models, listed, "us-east-1", TODAY)
    said = f"Bedrock ends it on {ends}; served.json says nothing"
    assert [(one.model, one.state, one.text) for one in standings] == [
        ("known", "there", ""),
        ("unknown", "there", said),
        ("aged", "legacy", said),
    ]


def test_the_default_region_should_have_an_image_model_by_its_geography() -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle.html"""
    assert "us-west-2" in image_regions(shipped(), TODAY)
    origin = CallRegion(DEFAULT_REGION)
    painters = [
        each
        for each in shipped().models.values()
        if each.task == "image" and each.lifecycle.status_on(TODAY) == "active"
    ]
    assert any(
        isinstance(each.backend, BedrockBackend) and origin.route(each) is not None
        for each in painters
    )


def test_each_model_should_be_told_from_bedrocks_list() -> None:
    models = served(
        model("there"),
        model("missing"),
        model("aged"),
        model("old", lifecycle=Lifecycle("legacy")),
        model("gone", lifecycle=Lifecycle("legacy", ends=TODAY)),
        model("shy"),
    )
    listed = [
        ListedModel("maker.there-v1:0", "ACTIVE", ON_DEMAND),
        ListedModel("maker.aged-v1:0", "LEGACY", ON_DEMAND),
        ListedModel("maker.old-v1:0", "LEGACY", ON_DEMAND),
        ListedModel("maker.shy-v1:0", "ACTIVE", frozenset({"INFERENCE_PROFILE"})),
        ListedModel("maker.new-v1:0", "ACTIVE", ON_DEMAND),
        ListedModel("maker.ancient-v1:0", "LEGACY", ON_DEMAND),
    ]
    standings = compare_with_bedrock(models, listed, "us-east-1", TODAY)
    assert [(one.model, one.state, one.text) for one in standings] == [
        ("there", "there", ""),
        ("missing", "missing", "it is not on Bedrock's list"),
        ("aged", "legacy", "served.json says active"),
        ("old", "legacy", ""),
        ("gone", "ended", ""),
        ("shy", "there", "served.json has its own id called, which Bedrock takes by profile only"),
    ]
    assert unserved_ids(models, listed) == ("maker.new-v1:0",)


def test_a_region_that_a_model_is_not_called_from_should_be_told() -> None:
    listed = [ListedModel("maker.there-v1:0", "ACTIVE", ON_DEMAND)]
    models = served(model("there"), model("missing"))
    states = {
        one.model: (one.state, one.text)
        for one in compare_with_bedrock(models, listed, "eu-west-1", TODAY)
    }
    assert states == {
        "there": ("there", "served.json does not have it called from eu-west-1"),
        "missing": ("elsewhere", ""),
    }


def test_a_local_cloud_should_be_held_to_what_is_stood_in_for() -> None:
    models = served(model("mine", local="x"), model("theirs"))
    standings = compare_with_bedrock(models, [], "us-east-1", TODAY, local=True)
    assert [(one.model, one.state) for one in standings] == [("mine", "missing")]


def test_an_endpoint_that_no_body_is_written_for_should_be_a_fault() -> None:
    def faults(backend: EndpointBackend, **changes: object) -> list[str]:
        one = replace(model(), backend=backend, **changes)  # type: ignore[arg-type]
        return [text for kind, _, text in found(served(one)) if kind == "fault"]

    assert faults(EndpointBackend("mine", "openai-chat")) == []
    assert faults(EndpointBackend("mine", "tei-embedding")) == [
        "no body of an endpoint for chat is called tei-embedding"
    ]
    assert faults(EndpointBackend("mine", "tei-embedding"), task="embedding") == []
    assert faults(EndpointBackend("mine", "openai-chat", asynchronous=True)) == [
        "it is asynchronous, which does not stream"
    ]
    shared = EndpointBackend("mine", "openai-chat", asynchronous=True, weights_tenant="acme")
    assert faults(shared, abilities=frozenset()) == [
        "it is asynchronous and has no variants, so nobody moves weights; leave out weights_tenant"
    ]
