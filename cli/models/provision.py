"""The commands `models provision` and `models provisioned`: capacity that is paid by the hour."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal, InvalidOperation

import click

from cli.failures import CommandError, UsageError
from cli.options import StageOptions, json_option, stage_options
from cli.output import Output
from infra.models.customisation import (
    CUSTOM_MODEL,
    CustomisationError,
    translate_customisation_errors,
)
from infra.models.throughput import StageThroughput, month_usd


@click.command("provision")
@click.argument("name")
@click.argument("model")
@click.option("--units", type=click.IntRange(min=1), required=True, help="Model units to pay for.")
@click.option(
    "--usd-hour",
    required=True,
    metavar="DOLLARS",
    help="Price of a unit for an hour, as Bedrock's console shows it for the base.",
)
@stage_options
@json_option
def provision_model(
    place: StageOptions, name: str, model: str, units: int, usd_hour: str, as_json: bool
) -> None:
    """Answer calls of NAME by the custom model MODEL with capacity of its own.

    MODEL is the ARN of a custom model (`headrace train --target bedrock`). Its units are paid for
    by the hour, asked or not, without commitment, until `headrace models provisioned --delete`.
    `headrace models serve` deploys the same model on demand, which costs nothing while it is idle.
    """
    output = Output(as_json=as_json)
    if CUSTOM_MODEL not in model:
        raise UsageError(f"{model} is no ARN of a custom model of Bedrock.")
    price = _price(usd_hour)
    output.notice(
        f"Warning: this costs {month_usd(price, units)} $ a month ({units} x {price} $ an hour), "
        "whether anybody asks or not. The stage is no longer free while it is idle.",
        "red",
    )
    try:
        with translate_customisation_errors():
            made = StageThroughput(place.find()).provision(name, model, units, price)
    except (CustomisationError, ValueError) as error:
        raise CommandError(str(error)) from error
    if as_json:
        output.json({"name": name, **asdict(made)})
        return
    output.line(f"{name} is answered by {made.arn}.")
    output.line(f"Its costs end with: headrace models provisioned --delete {made.arn}")


@click.command("provisioned")
@click.option("--delete", metavar="NAME|ARN", help="Delete this one instead, and its costs end.")
@stage_options
@json_option
def list_provisioned(place: StageOptions, delete: str | None, as_json: bool) -> None:
    """List capacity that is paid by the hour.

    With --delete, models that answer by it are removed from the stage.
    """
    output = Output(as_json=as_json)
    try:
        with translate_customisation_errors():
            stage = StageThroughput(place.find())
            removed = stage.delete(delete) if delete is not None else ()
            found = stage.throughputs()
    except (CustomisationError, ValueError) as error:
        raise CommandError(str(error)) from error
    if as_json:
        output.json([asdict(each) for each in found])
        return
    if delete is not None:
        output.line(f"{delete} is deleted.")
    for name in removed:
        output.line(f"{name} answers no more.")
    output.table(
        ("name", "units", "status", "model", "arn"),
        [(each.name, str(each.units), each.status, each.model, each.arn) for each in found],
    )


def _price(text: str) -> Decimal:
    try:
        price = Decimal(text)
    except InvalidOperation:
        price = Decimal("nan")
    if not price.is_finite() or price <= 0:
        raise UsageError(f"--usd-hour: {text!r} is no price above 0.")
    return price
