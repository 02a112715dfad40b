"""The commands `models versions` and `models compare`: versions in a stage's registry."""

from __future__ import annotations

from pathlib import Path

import click

from cli.failures import CommandError, UsageError
from cli.options import StageOptions, json_option, stage_options
from cli.output import Output
from infra.models.registry import (
    Registry,
    VersionMeasurements,
    arn_of,
    comparison_rows,
    group_of,
    read_measurements,
    sparkline,
)
from infra.models.training import TrainingError, TrainingStage, translate_training_errors
from models.training.recipe import names

WATCHED = "loss"


@click.command("versions")
@click.argument("recipe")
@stage_options
@json_option
def list_versions(place: StageOptions, recipe: str, as_json: bool) -> None:
    """List the versions of RECIPE in a stage's registry, newest first."""
    output = Output(as_json=as_json)
    if recipe not in names():
        raise UsageError(f"There is no recipe {recipe!r}; there are {', '.join(names())}.")
    try:
        with translate_training_errors():
            stage = place.find()
            registry = Registry(stage.client)
            group = group_of(TrainingStage.of(stage.outputs).stage, recipe)
            if not registry.has(group):
                raise CommandError(
                    f"{recipe} has no version yet; `headrace train {recipe}` makes one."
                )
            versions = [registry.version(arn) for arn in registry.arns(group)]
    except (TrainingError, ValueError) as error:
        raise CommandError(str(error)) from error
    if as_json:
        fields = ("name", "arn", "status", "artefact", "numbers")
        output.json([{name: getattr(each, name) for name in fields} for each in versions])
        return
    numbers = list(dict.fromkeys(name for each in versions for name in each.numbers))
    shown = [
        (
            each.name,
            each.status,
            *(f"{each.numbers.get(name, float('nan')):.4g}" for name in numbers),
        )
        for each in versions
    ]
    output.table(("version", "status", *numbers), shown)


@click.command("compare")
@click.argument("one")
@click.argument("other")
@click.option(
    "--png",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw both curves into this PNG file.",
)
@click.option("--curve", default=WATCHED, show_default=True, help="Value of each step to draw.")
@stage_options
@json_option
def compare_models(
    place: StageOptions, one: str, other: str, png: Path | None, curve: str, as_json: bool
) -> None:
    """Compare two versions of a stage's registry: their numbers and their trainings.

    ONE and OTHER are ARNs, or GROUP/NUMBER as printed by `models versions`.
    """
    output = Output(as_json=as_json)
    try:
        with translate_training_errors():
            stage = place.find()
            home, registry = TrainingStage.of(stage.outputs), Registry(stage.client)
            arns = [arn_of(home.region, home.account, each) for each in (one, other)]
            versions = [registry.version(arn) for arn in arns]
            both = [read_measurements(registry, each) for each in versions]
        if png is not None:
            _draw(both, curve, png)
    except (TrainingError, ValueError) as error:
        raise CommandError(str(error)) from error
    if as_json:
        output.json([{"version": each.version.name, **each.numbers} for each in both])
        return
    _show(output, both, curve)


def _show(output: Output, both: list[VersionMeasurements], curve: str) -> None:
    one, other = both
    names = (one.version.name, other.version.name)
    output.table(("number", *names, "difference"), comparison_rows(one, other))
    for each in both:
        values = [
            values_of_step[curve]
            for _, values_of_step in sorted(each.history.items())
            if curve in values_of_step
        ]
        if values:
            ends = f"{values[0]:.4g} to {values[-1]:.4g} in {len(values):,} steps"
            output.line()
            output.line(f"{each.version.name}: {curve} {ends}")
            output.line(sparkline(values))


def _draw(both: list[VersionMeasurements], curve: str, png: Path) -> None:
    from models.evaluation import figures  # NumPy and Pillow, which only a drawing needs

    histories = {each.version.name: each.history for each in both}
    figures.save(figures.curves(histories, curve), png)
