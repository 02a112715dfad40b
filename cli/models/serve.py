"""`models serve`: a stage answers by a version of a model that it trained."""

from __future__ import annotations

import click

from cli.failures import CommandError
from cli.options import StageOptions, json_option, stage_options
from cli.output import Output
from infra.models.serving import ServingError, VersionServing, translate_serving_errors


@click.command("serve")
@click.argument("name")
@click.argument("version")
@stage_options
@json_option
def serve_model(place: StageOptions, name: str, version: str, as_json: bool) -> None:
    """Have calls of the model NAME answered by VERSION of the stage's registry.

    VERSION is its ARN, or GROUP/NUMBER. Its files are checked, tried and put where the functions
    read them, which answer by it within half a minute. The version that served goes on if the new
    one cannot be had; it serves again by the same command.
    """
    output = Output(as_json=as_json)
    try:
        with translate_serving_errors():
            serving = VersionServing(place.find()).serve(name, version)
    except (ServingError, ValueError) as error:
        raise CommandError(str(error)) from error
    if as_json:
        output.json(serving.model_dump(mode="json"))
        return
    output.line(f"{name} is answered by {serving.serves.label}.")
    if serving.before is not None:
        output.line(f"{serving.before.label} goes on where that cannot be had.")
