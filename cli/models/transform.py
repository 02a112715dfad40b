"""The command `models transform`: run many inputs through a registered version."""

from __future__ import annotations

import click

from cli.failures import CommandError, ItemsFailedError, UsageError
from cli.options import StageOptions, json_option, stage_options
from cli.output import Output
from infra.models.approval import OVERRIDE
from infra.models.batch_transform import BatchTransforms, TransformError, TransformRequest
from infra.models.training import TrainingError, translate_training_errors
from models.failures import BadRecipe


@click.command("transform")
@click.argument("version")
@click.option(
    "--input",
    "source",
    required=True,
    metavar="FILE",
    help="A file of JSON lines, or s3://BUCKET/PREFIX below models/ of the stage's bucket.",
)
@click.option(
    "--output",
    metavar="PREFIX",
    help="s3://BUCKET/PREFIX below models/ for the answers. Default: a new one.",
)
@click.option(
    "--at-once",
    type=click.IntRange(1, 16),
    default=1,
    show_default=True,
    help="Number of concurrent requests to the model.",
)
@click.option("--image", help="Container image that serves the model; required on AWS.")
@click.option(
    OVERRIDE,
    "unapproved",
    is_flag=True,
    help="Take the version though it is not approved, of the preset smoke, or below its gates.",
)
@stage_options
@json_option
def transform_model(  # noqa: PLR0913 - the options of a command
    place: StageOptions,
    version: str,
    source: str,
    output: str | None,
    at_once: int,
    image: str | None,
    unapproved: bool,
    as_json: bool,
) -> None:
    """Run every line of the input through VERSION of the stage's registry.

    VERSION is its ARN, or GROUP/NUMBER. The stage needs the parameter Training=on. A line that the
    model refuses fails the job, which names it.
    """
    if place.stage and not image:
        raise UsageError("A stage on AWS needs --image: a container that runs models/serving.")
    out = Output(as_json=as_json)
    try:
        with translate_training_errors():
            transforms = BatchTransforms(place.find())
            request = TransformRequest(source, output, at_once, image, unapproved)
            prepared = transforms.prepare(version, request)
            for reason in prepared.problems:
                out.notice(f"Warning: {reason}. It is taken because of {OVERRIDE}.", "red")
            out.notice(f"Transforming as {prepared.name}.")
            ended = transforms.run(prepared)
            answers = transforms.answers(prepared) if ended["status"] == "SUCCEEDED" else []
    except (TransformError, TrainingError, BadRecipe, OSError, ValueError) as error:
        raise CommandError(str(error)) from error
    if ended["status"] != "SUCCEEDED":
        out.notice(str(ended.get("cause") or ended["status"]), "red")
        raise ItemsFailedError
    if as_json:
        out.json({"transform": prepared.name, "answers": answers})
        return
    for address in answers:
        out.line(address)
