"""The commands `models approve` and `models reject`: the verdict of a person on a version."""

from __future__ import annotations

from collections.abc import Callable

import click

from cli.failures import CommandError
from cli.options import StageOptions, json_option, stage_options
from cli.output import Output
from infra.models import approval
from infra.models.registry import APPROVED, Registry, arn_of
from infra.models.serving import VersionServing, translate_serving_errors
from infra.models.training import TrainingStage
from infra.models.version_files import ServingError


def comment_option(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--comment`."""
    return click.option(
        "--comment", default="", help="The reason, which the registry keeps; 1,024 characters."
    )(command)


@click.command("approve")
@click.argument("version")
@comment_option
@stage_options
@json_option
def approve_version(place: StageOptions, version: str, comment: str, as_json: bool) -> None:
    """Approve VERSION of the stage's registry, so that it may serve and found others.

    VERSION is its ARN, or GROUP/NUMBER. The newest approved version is the champion, with which new
    ones are compared.
    """
    _decide(Output(as_json=as_json), place, version, APPROVED, comment)


@click.command("reject")
@click.argument("version")
@comment_option
@stage_options
@json_option
def reject_version(place: StageOptions, version: str, comment: str, as_json: bool) -> None:
    """Reject VERSION of the stage's registry, so that it may neither serve nor found others.

    VERSION is its ARN, or GROUP/NUMBER. What it answers already, it goes on answering: the command
    names these models, which `models serve` gives another version.
    """
    _decide(Output(as_json=as_json), place, version, approval.REJECTED, comment)


def _decide(output: Output, place: StageOptions, wanted: str, status: str, comment: str) -> None:
    try:
        with translate_serving_errors():
            stage = place.find()
            home = TrainingStage.of(stage.outputs)
            registry = Registry(stage.client)
            version = registry.version(arn_of(home.region, home.account, wanted))
            approval.set_status(stage.client, version, status, comment)
            serves = VersionServing(stage).served_names(version) if status != APPROVED else []
    except (ServingError, ValueError) as error:
        raise CommandError(str(error)) from error
    if output.as_json:
        output.json({"version": version.name, "status": status, "serves": serves})
        return
    output.line(f"{version.name} was {version.status} and is {status}.")
    for name in serves:
        output.notice(
            f"Warning: it still answers {name}; serve another: headrace models serve {name} "
            "VERSION",
            "red",
        )
