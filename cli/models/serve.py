"""The command `models serve`: serve a version that the stage trained."""

from __future__ import annotations

import click

from cli.failures import CommandError, UsageError
from cli.options import StageOptions, json_option, stage_options
from cli.output import Output
from infra.models.approval import OVERRIDE
from infra.models.customisation import (
    CUSTOM_MODEL,
    CustomisationError,
    StageCustomisation,
    translate_customisation_errors,
)
from infra.models.imports import IMPORTED_MODEL, StageImports
from infra.models.serving import VersionServing, translate_serving_errors
from infra.models.trained_entry import NameStanding
from infra.models.version_files import ServingError
from infra.models.version_trial import FOR_ALL_TENANTS


@click.command("serve")
@click.argument("name")
@click.argument("version")
@click.option(
    OVERRIDE,
    "unapproved",
    is_flag=True,
    help="Serve the version though it is not approved, of the preset smoke, or below its gates. "
    "Receipts and logs say so.",
)
@click.option(
    "--rollout",
    "share",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Have VERSION answer this share of the end users as the candidate, beside the version "
    "that serves. With 0 it answers only calls of NAME@candidate.",
)
@click.option(
    "--base-only",
    is_flag=True,
    help="Answer by the version's base model, without what was tuned on it, such as under a name "
    "beside the tuned one's.",
)
@click.option(
    "--fallback",
    "fallbacks",
    metavar="MODEL",
    multiple=True,
    help="For a name of your own: the model that answers where NAME fails or a check refuses its "
    "answer, such as the teacher of a student; repeated, in their order.",
)
@click.option(
    "--tier",
    type=click.IntRange(1, 5),
    help="For a name of your own: its tier. Calls that want a higher quality do not reach it.",
)
@click.option(
    FOR_ALL_TENANTS,
    "for_all_tenants",
    is_flag=True,
    help="Answer all tenants of the stage by a version that learned from the data of one.",
)
@stage_options
@json_option
def serve_model(  # noqa: PLR0913 - the options of a command
    place: StageOptions,
    name: str,
    version: str,
    unapproved: bool,
    share: float | None,
    base_only: bool,
    fallbacks: tuple[str, ...],
    tier: int | None,
    for_all_tenants: bool,
    as_json: bool,
) -> None:
    """Answer calls of the model NAME by VERSION of the stage's registry.

    NAME is a model of the catalogue that the version's recipe is for, or a name of your own: for a
    recipe that tunes a base model, the stage then lists and answers NAME as any other model.

    VERSION is its ARN, or GROUP/NUMBER. It has to be approved (`headrace models approve`). Its
    files are checked, tried and uploaded to where the functions read them; the functions use it
    within half a minute. If the new version cannot be loaded, the previous one goes on serving; the
    same command restores it.

    With --rollout the same end users meet the candidate at each larger share. Repeat the command
    with another share to go on, without --rollout to finish, or with the version that served to go
    back.

    VERSION may also be the ARN of a custom model of Bedrock (`headrace train --target bedrock`),
    which is deployed on demand, or of an imported one (`headrace models import`). It is tried and
    added to the stage's models; `headrace models remove NAME` takes it out again.
    """
    output = Output(as_json=as_json)
    if CUSTOM_MODEL in version or IMPORTED_MODEL in version:
        flags = (unapproved, share is not None, base_only, fallbacks, tier, for_all_tenants)
        _serve_custom_model(output, place, name, version, alone=not any(flags))
        return
    try:
        with translate_serving_errors():
            serving = VersionServing(place.find()).serve(
                name,
                version,
                unapproved=unapproved,
                share=share,
                base_only=base_only,
                standing=NameStanding(tier, fallbacks or None) if tier or fallbacks else None,
                for_all_tenants=for_all_tenants,
            )
    except (ServingError, ValueError) as error:
        raise CommandError(str(error)) from error
    named = serving.serves if share is None else serving.candidate or serving.serves
    for reason in named.unapproved:
        output.notice(f"Warning: {reason}. It serves because of {OVERRIDE}.", "red")
    if as_json:
        output.json(serving.model_dump(mode="json"))
        return
    output.line(f"{name} is answered by {serving.serves.label}.")
    if serving.candidate is not None:
        output.line(
            f"{serving.candidate.label} is the candidate: it answers {serving.share:g} % of the "
            f"end users, and calls of {name}@candidate."
        )
    if serving.before is not None:
        output.line(f"{serving.before.label} stays in use where the new version cannot be loaded.")


def _serve_custom_model(
    output: Output, place: StageOptions, name: str, model: str, *, alone: bool
) -> None:
    """Deploy a custom model of Bedrock, or wake an imported one, and add it to the models."""
    if not alone:
        raise UsageError(
            f"{OVERRIDE}, {FOR_ALL_TENANTS}, --rollout, --base-only, --fallback and --tier are for "
            "versions of the stage's registry."
        )
    if IMPORTED_MODEL in model:
        _serve_imported_model(output, place, name, model)
        return
    output.notice(f"Deploying {model}, which takes minutes on AWS.")
    try:
        with translate_customisation_errors():
            deployment = StageCustomisation(place.find()).serve(name, model)
    except (CustomisationError, ValueError) as error:
        raise CommandError(str(error)) from error
    if output.as_json:
        output.json({"name": name, "model": model, "deployment": deployment})
        return
    output.line(f"{name} is answered by {deployment}, at its base's prices.")


def _serve_imported_model(output: Output, place: StageOptions, name: str, arn: str) -> None:
    output.notice(f"Waking {arn}, which takes a minute or more on AWS.")
    try:
        with translate_customisation_errors():
            model = StageImports(place.find()).serve(name, arn)
    except (CustomisationError, ValueError) as error:
        raise CommandError(str(error)) from error
    if output.as_json:
        output.json({"name": name, "model": model.arn})
        return
    output.line(
        f"{name} is answered by {model.arn}: {model.usd_minute} $ a minute while it answers."
    )
