"""The commands `models import` and `models imports`: whole models, imported by Bedrock."""

from __future__ import annotations

import json

import click

from chalicelib.errors import InvalidInput
from chalicelib.generation.importable import import_limits
from cli.failures import CommandError, ItemsFailedError, UsageError
from cli.options import StageOptions, json_option, stage_options
from cli.output import Output
from infra.models.approval import OVERRIDE
from infra.models.bases import BaseWish
from infra.models.customisation import CustomisationError, translate_customisation_errors
from infra.models.imports import ImportedModel, StageImports
from infra.models.training import TrainingError, translate_training_errors
from models.failures import TrainingFailure


@click.command("import")
@click.argument("model")
@click.option(
    "--name",
    required=True,
    help="Name of the imported model: letters and digits, with single hyphens.",
)
@click.option(
    "--estimate", "only_estimate", is_flag=True, help="Show the prices, and import nothing."
)
@click.option(
    OVERRIDE,
    "unapproved",
    is_flag=True,
    help="Import a version of the registry though it is not approved.",
)
@click.option(
    "--accept-licence", "licences", multiple=True, metavar="LICENCE", help="Agree to a licence."
)
@stage_options
@json_option
def import_model(
    place: StageOptions,
    model: str,
    name: str,
    only_estimate: bool,
    unapproved: bool,
    licences: tuple[str, ...],
    as_json: bool,
) -> None:
    """Import MODEL into Bedrock, which then answers by it without a server of yours.

    MODEL is what `headrace train --base` takes: GROUP/VERSION, whose base and tuning are merged,
    ./FOLDER in Hugging Face's layout, s3://BUCKET/PREFIX/, or hf:OWNER/NAME@REVISION. The stage
    needs Customisation=on. `headrace models serve NAME ARN` then has it answer calls.
    """
    output = Output(as_json=as_json)
    _show_prices(output)
    if only_estimate:
        return
    try:
        with translate_training_errors(), translate_customisation_errors():
            stage = StageImports(place.find())
            stage.require(name)
            wish = BaseWish(model, frozenset(licences), unapproved, override=OVERRIDE)
            placed = stage.put(wish)
            output.notice(f"Importing {placed.record.name} as {name}, which takes minutes on AWS.")
            ended = stage.follow(stage.start(name, placed))
            if ended["status"] != "SUCCEEDED":
                output.notice(str(ended.get("cause") or ended["status"]), "red")
                raise ItemsFailedError
            found = stage.model(str(json.loads(ended["output"])["arn"]))
    except InvalidInput as error:
        raise UsageError(error.message) from error
    except (CustomisationError, TrainingError, TrainingFailure, ValueError) as error:
        raise CommandError(str(error)) from error
    if as_json:
        output.json(_fields(found))
        return
    output.line(
        f"{found.arn} needs {found.units} custom model units: {found.usd_minute} $ a minute while "
        f"it answers, and {found.usd_month} $ a month for its storage."
    )
    output.line(f"It answers calls once it is served: headrace models serve NAME {found.arn}")


@click.command("imports")
@click.option("--delete", metavar="NAME|ARN", help="Delete this one instead, and its costs end.")
@stage_options
@json_option
def list_imports(place: StageOptions, delete: str | None, as_json: bool) -> None:
    """List the models that were imported into Bedrock, with what they cost."""
    output = Output(as_json=as_json)
    try:
        with translate_customisation_errors():
            stage = StageImports(place.find())
            if delete is not None:
                stage.delete(delete)
            found = stage.models()
    except (CustomisationError, ValueError) as error:
        raise CommandError(str(error)) from error
    if as_json:
        output.json([_fields(each) for each in found])
        return
    if delete is not None:
        output.line(f"{delete} is deleted.")
    output.table(
        ("model", "architecture", "units", "$ a minute", "$ a month", "arn"),
        [
            (
                each.name,
                each.architecture,
                str(each.units),
                str(each.usd_minute),
                str(each.usd_month),
                each.arn,
            )
            for each in found
        ],
    )


def _show_prices(output: Output) -> None:
    limits = import_limits()
    output.notice(
        f"Bedrock bills {limits.usd_unit_minute} $ a minute and custom model unit, in windows of "
        f"{limits.window_minutes} minutes in which the model answers and nothing while it is idle,"
        f" and {limits.usd_unit_month} $ a month and unit for storage ({limits.facts.date}; "
        "models/importable.json has the sources). How many units a model needs, Bedrock says when "
        "it is imported: two for 8 billion parameters."
    )


def _fields(model: ImportedModel) -> dict[str, object]:
    return {
        "arn": model.arn,
        "name": model.name,
        "architecture": model.architecture,
        "units": model.units,
        "usd_minute": str(model.usd_minute),
        "usd_month": str(model.usd_month),
    }
