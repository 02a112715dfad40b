from __future__ import annotations

import json
from decimal import Decimal

import pytest
from click.testing import CliRunner

from cli.main import headrace
from models.sagemaker.cost import SPOT_SAVES_AT_MOST, estimates
from models.training import recipe
from models.training.recipe import Recipe, TargetUse
from models.training.targets import targets


def of(**uses: TargetUse) -> Recipe:
    named = {name.replace("_", "-"): use for name, use in uses.items()}
    return recipe.load("vae").model_copy(update={"targets": named})


def test_should_be_the_hours_of_both_jobs_by_their_prices() -> None:
    found = {
        each.target: each
        for each in estimates(of(cpu=TargetUse(hours=2), gpu=TargetUse(hours=3, count=4)))
    }
    assert found["cpu"].most_usd == Decimal("0.23") * 2 * 2
    trained = Decimal("1.408") * 4 * 3
    assert found["gpu"].most_usd == trained + Decimal("0.46")
    assert found["gpu"].least_spot_usd == trained * (1 - SPOT_SAVES_AT_MOST) + Decimal("0.46")
    assert (found["gpu"].instance, found["gpu"].count) == ("ml.g5.xlarge", 4)


@pytest.mark.parametrize(
    "use", [{"trn1_xla": TargetUse()}, {"gpu": TargetUse(instance="ml.p5.48xlarge")}]
)
def test_should_say_nothing_of_an_instance_whose_price_is_not_known(
    use: dict[str, TargetUse],
) -> None:
    (found,) = estimates(of(**use))
    assert found.most_usd is None
    assert found.least_spot_usd is None


def test_every_price_should_have_its_date_region_and_source() -> None:
    for target in targets().values():
        if target.price is not None:
            assert target.price.usd_an_hour > 0
            assert target.price.source.startswith("https://aws.amazon.com/")
            assert target.price.region == "us-east-1"


def test_the_command_should_show_each_target_and_send_nothing() -> None:
    done = CliRunner().invoke(headrace, ["train", "vae", "--estimate"])
    assert done.exit_code == 0, done.output
    assert "0.460" in done.output
    assert "price not known here" in done.output
    told = json.loads(CliRunner().invoke(headrace, ["train", "vae", "--estimate", "--json"]).output)
    assert [each["target"] for each in told] == list(recipe.load("vae").targets)
    assert told[0]["most_usd"] == "0.460"
