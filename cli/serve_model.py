"""`models serve`: a stage answers by a version of a model that it trained."""

from __future__ import annotations

import click

from cli.failures import Failure
from cli.options import Place, json_option, place_options
from cli.output import Output
from infra.serving import CannotServe, ServedModels, reached


@click.command("serve")
@click.argument("name")
@click.argument("version")
@place_options
@json_option
def serve_model(place: Place, name: str, version: str, as_json: bool) -> None:
    """Have calls of the model NAME answered by VERSION of the stage's registry.

    VERSION is its ARN, or GROUP/NUMBER. Its files are checked, tried and put where the functions
    read them, which answer by it within half a minute. The version that served goes on if the new
    one cannot be had; it serves again by the same command.
    """
    output = Output(as_json=as_json)
    try:
        with reached():
            serving = ServedModels(place.find()).serve(name, version)
    except (CannotServe, ValueError) as error:
        raise Failure(str(error)) from error
    if as_json:
        output.json(serving.model_dump(mode="json"))
        return
    output.line(f"{name} is answered by {serving.serves.label}.")
    if serving.before is not None:
        output.line(f"{serving.before.label} goes on where that cannot be had.")
