"""`train`: a recipe is trained on a stage, and registered if it passes its gates."""

from __future__ import annotations

import json
from dataclasses import asdict
from decimal import Decimal
from typing import Any, get_args

import click

from cli.failures import Failure, ItemsFailed, WrongUse
from cli.options import Place, json_option, place_options
from cli.output import Output
from infra.training import CannotTrain, Training, name_of, reached
from models.common import job, recipe
from models.common.estimate import estimates
from models.common.failures import BadRecipe, TrainingFailure
from models.common.recipe import PresetName, Recipe
from models.common.request import Wish
from models.common.targets import TargetName


@click.command("train")
@click.argument("name", metavar="RECIPE")
@click.option(
    "--preset",
    type=click.Choice(get_args(PresetName)),
    default="tiny",
    show_default=True,
    help="smoke proves that it runs; tiny and full are held to the recipe's gates.",
)
@click.option(
    "--target",
    type=click.Choice(get_args(TargetName)),
    default="cpu",
    show_default=True,
    help="What it trains on; the local cloud takes the CPU for any.",
)
@click.option(
    "--image",
    help="An image of your own in the place of the target's, from the repository that the stage "
    "has as TrainingImageRepository.",
)
@click.option(
    "--estimate",
    is_flag=True,
    help="Show what it may cost at most, on each target, and train nothing.",
)
@click.option("--spot", is_flag=True, help="On capacity that may go away and come back.")
@click.option("--set", "given", metavar="NAME=VALUE", multiple=True, help="Change a setting.")
@click.option(
    "--base",
    "bases",
    metavar="CHANNEL=ARN",
    multiple=True,
    help="A registered version to begin from, for a recipe that begins from another's model. "
    "Default: the newest.",
)
@place_options
@json_option
def train(  # noqa: PLR0913 - the options of a command
    place: Place,
    name: str,
    preset: PresetName,
    target: TargetName,
    image: str | None,
    estimate: bool,
    spot: bool,
    given: tuple[str, ...],
    bases: tuple[str, ...],
    as_json: bool,
) -> None:
    """Train RECIPE, judge it, export it, and register what passes its gates.

    The stage needs the parameter Training=on, and this machine the training environment
    (make training), which prepares the data.
    """
    output = Output(as_json=as_json)
    try:
        found = recipe.load(name)
        settings = job.settings(given)
        recipe.resolve(found, preset, settings)
        if estimate:
            _show_estimates(output, found)
            return
        with reached():
            training = Training(place.find())
            wish = Wish(name_of(training.home, name), found, preset, target, settings, spot, image)
            output.notice(f"Training {wish.job_name}.")
            ended = training.follow(training.start(wish, job.settings(bases)))
    except BadRecipe as error:
        raise WrongUse(str(error)) from error
    except (TrainingFailure, ValueError, CannotTrain) as error:
        raise Failure(str(error)) from error
    _show(output, wish, ended)


def _show_estimates(output: Output, found: Recipe) -> None:
    given = list(estimates(found))
    if output.as_json:
        output.json([{name: _plain(each) for name, each in asdict(one).items()} for one in given])
        return
    head = ("target", "instance", "hours at most", "$ at most", "$ where spot saves most")
    rows = [
        (
            each.target,
            f"{each.count} x {each.instance}",
            f"{each.hours:g}",
            _dollars(each.most_usd),
            _dollars(each.least_spot_usd),
        )
        for each in given
    ]
    output.table(head, rows)
    output.line(
        "A job is stopped when its hours are over. Prices are of us-east-1: see targets.json."
    )


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Decimal) else value


def _dollars(value: Decimal | None) -> str:
    return "price not known here" if value is None else f"{value:.3f}"


def _show(output: Output, wish: Wish, ended: Any) -> None:
    if ended["status"] != "SUCCEEDED":
        output.notice(str(ended.get("cause") or ended["status"]), "red")
        raise ItemsFailed
    told = json.loads(ended["output"])
    if output.as_json:
        output.json({"training": wish.job_name, **told})
        return
    rows = [
        (measured, f"{value:.4g}", _bounds(wish, measured))
        for measured, value in told["metrics"].items()
    ]
    output.table(("number", "value", "gate"), rows)
    output.line(f"Registered as {told['arn']}, waiting for approval.")


def _bounds(wish: Wish, measured: str) -> str:
    gate = wish.recipe.gates[measured]
    bounds = [("at least", gate.least), ("at most", gate.most)]
    return ", ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)
