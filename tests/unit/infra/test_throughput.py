"""Provisioned throughput: what it costs in a month, and what is said when it goes wrong."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from chalicelib.generation.added_models import AddedModels, merge_models
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.customisable import customisable_models
from chalicelib.generation.model_file import served_models
from chalicelib.generation.pricing import is_priced
from cli.failures import UsageError
from cli.main import headrace
from cli.models.customise import _require_recipe
from infra.models import throughput
from infra.models.customisation import CustomisationError, custom_entry
from infra.models.throughput import StageThroughput, month_usd, throughput_prices
from infra.stages import StageConnection
from tests.unit.infra.test_customisation import OUTPUTS

ARN = "arn:aws:bedrock:us-east-1:000000000000:provisioned-model/abc123def456"
MODEL = "arn:aws:bedrock:us-east-1:000000000000:custom-model/amazon.nova-micro-v1:0:128k/abc"


class Added:
    """The stage's added models."""

    def __init__(self, _place: StageConnection) -> None:
        self.entries: list[dict[str, Any]] = []

    def require_name(self, _name: str) -> None:
        pass

    def added(self) -> AddedModels:
        return AddedModels()


class Service:
    """The calls of Bedrock that provisioning makes; it has these statuses in turn."""

    def __init__(self, *statuses: str) -> None:
        self.statuses = list(statuses)
        self.tokens: list[str] = []

    def get_custom_model(self, **_: Any) -> dict[str, Any]:
        base = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0:128k"
        return {"baseModelArn": base, "modelArn": MODEL, "modelName": "notes"}

    def create_provisioned_model_throughput(self, **given: Any) -> dict[str, Any]:
        self.tokens.append(given["clientRequestToken"])
        return {"provisionedModelArn": ARN}

    def get_provisioned_model_throughput(self, **_: Any) -> dict[str, Any]:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return {"status": status, "failureMessage": "no capacity"}

    def converse(self, **_: Any) -> dict[str, Any]:
        return {"output": {"message": {"content": []}}}


@pytest.mark.parametrize(
    ("statuses", "says"),
    [
        (["Creating", "Failed"], "not provisioned: no capacity"),
        (["Creating"], "it is Creating"),
        (["Creating", "InService"], "answered nothing"),
    ],
)
def test_what_goes_wrong_says_how_the_costs_end(
    statuses: list[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throughput, "AddedModelStage", Added)
    service = Service(*statuses)
    stage = StageThroughput(StageConnection(lambda _name: service, OUTPUTS))
    with pytest.raises(CustomisationError, match=says) as failed:
        stage.provision("notes", MODEL, 1, Decimal(10), lambda _: None)
    assert str(failed.value).endswith(f"headrace models provisioned --delete {ARN}")


def test_what_aws_refuses_once_it_is_made_says_how_the_costs_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Refusing(Service):
        def converse(self, **_: Any) -> dict[str, Any]:
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "Converse")

    monkeypatch.setattr(throughput, "AddedModelStage", Added)
    service = Refusing("InService")
    stage = StageThroughput(StageConnection(lambda _name: service, OUTPUTS))
    with pytest.raises(CustomisationError, match="ThrottlingException") as failed:
        stage.provision("notes", MODEL, 1, Decimal(10), lambda _: None)
    assert str(failed.value).endswith(f"headrace models provisioned --delete {ARN}")


def test_a_repeated_command_has_a_token_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput, "AddedModelStage", Added)
    service = Service("Failed")
    stage = StageThroughput(StageConnection(lambda _name: service, OUTPUTS))
    for _ in range(2):
        with pytest.raises(CustomisationError):
            stage.provision("notes", MODEL, 1, Decimal(10), lambda _: None)
    assert len(set(service.tokens)) == 2


def test_tokens_cost_nothing_beside_the_hours() -> None:
    assert month_usd(Decimal("12.5"), 2) == Decimal("18250.00")
    base = customisable_models().base("nova-micro")
    entry = custom_entry("notes", base, ARN, "us-east-1", "notes-1")
    prices = throughput_prices(ARN, Decimal("12.5"), 2)
    added = AddedModels().with_model(entry, prices)
    merged = merge_models(served_models(), catalogue().prices, added, shared_queues=False)
    assert is_priced(merged.models.models["notes"], merged.prices)
    assert prices[0]["source"] == "25.0 $ an hour, whatever is asked"


@pytest.mark.parametrize(
    ("model", "price", "says"),
    [("group/1", "1", "no ARN of a custom model"), (MODEL, "free", "'free' is no price above 0")],
)
def test_what_cannot_be_provisioned_is_refused(model: str, price: str, says: str) -> None:
    given = ["models", "provision", "notes", model, "--units", "1", "--usd-hour", price]
    done = CliRunner().invoke(headrace, given, standalone_mode=False)
    assert isinstance(done.exception, UsageError)
    assert says in str(done.exception)


def test_continued_pretraining_on_bedrock_says_what_to_do_instead() -> None:
    with pytest.raises(UsageError, match="headrace models import GROUP/VERSION"):
        _require_recipe("continued_pretraining")
    with pytest.raises(UsageError, match="train instruction_tuning"):
        _require_recipe("text_classifier")
    _require_recipe("instruction_tuning")
