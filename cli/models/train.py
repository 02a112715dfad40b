"""The command `train`: train a recipe on a stage, and register it if it passes its gates."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Literal, get_args

import click

from cli.data.channel import OwnDataOptions, own_channel, own_data_options
from cli.failures import CommandError, ItemsFailedError, UsageError
from cli.models.customise import BEDROCK, BedrockOptions, train_on_bedrock
from cli.models.estimates import estimate_training
from cli.models.tune import (
    TuneOptions,
    TuningOutcome,
    as_fields,
    run_tuning,
    show_tuned,
    tune_options,
)
from cli.options import StageOptions, json_option, stage_options
from cli.output import Output
from infra.models.running_trainings import find_training
from infra.models.training import (
    UNAPPROVED_BASES,
    StageTraining,
    TrainingError,
    training_name,
    translate_training_errors,
)
from models.bases.folder import CHANNEL
from models.failures import BadRecipe, TrainingFailure
from models.sagemaker.job_requests import JobSpec
from models.sagemaker.tuning import count_trials
from models.training import job, recipe
from models.training.gates import Gate
from models.training.recipe import PresetName, Recipe
from models.training.recipe_gates import require_known_numbers
from models.training.targets import TargetName

_GATE = re.compile(
    r"(?P<name>[a-z][a-z0-9_]{0,60})\s*(?P<sign>[<>]=)\s*(?P<value>-?[0-9]+(?:\.[0-9]+)?)"
)
_CHANNEL = re.compile(r"[a-z][a-z_]{0,30}")


@click.command("train")
@click.argument("name", metavar="RECIPE", required=False)
@click.option(
    "--preset",
    type=click.Choice(get_args(PresetName)),
    default="tiny",
    show_default=True,
    help="smoke only shows that it runs; tiny and full must pass the recipe's gates.",
)
@click.option(
    "--target",
    type=click.Choice((*get_args(TargetName), BEDROCK)),
    default="cpu",
    show_default=True,
    help="Hardware to train on; the local cloud always uses the CPU. bedrock: Bedrock fine-tunes "
    "one of its models, which --base names.",
)
@click.option(
    "--image",
    help="Image to use instead of the target's, from the repository that the stage "
    "has as TrainingImageRepository.",
)
@click.option(
    "--estimate",
    is_flag=True,
    help="Show the maximum cost on each target, and whether a base model that is tuned fits there; "
    "train nothing.",
)
@click.option(
    "--fits-unchecked",
    is_flag=True,
    help="Train also where the estimated memory or time is more than the job has.",
)
@click.option("--spot", is_flag=True, help="Use spot capacity, which may be interrupted.")
@click.option("--set", "given", metavar="NAME=VALUE", multiple=True, help="Change a setting.")
@click.option(
    "--base",
    "bases",
    metavar="BASE | CHANNEL=ARN",
    multiple=True,
    help="The base model that the recipe tunes: a name of `headrace models bases`, "
    "hf:OWNER/NAME@REVISION, s3://BUCKET/PREFIX/, ./FOLDER, GROUP/VERSION, or new:NAME, which "
    "begins anew with your rows; default: the recipe's own. For a recipe that begins from "
    "another's model: its registered version, by default the newest that is approved.",
)
@click.option(
    "--accept-licence",
    "accepted",
    metavar="LICENCE",
    multiple=True,
    help="Agree to the licence of a base model that sets terms of its own, such as gemma.",
)
@own_data_options
@click.option(
    "--gate",
    "gates",
    metavar="NAME>=VALUE | NAME<=VALUE",
    multiple=True,
    help="A bound that a number of the evaluation has to reach, beside the recipe's; repeated.",
)
@click.option(
    UNAPPROVED_BASES,
    "unapproved",
    is_flag=True,
    help="Begin also from versions that are not approved, of the preset smoke, or below their "
    "gates. The model's card says so, and it serves only by --unapproved.",
)
@click.option(
    "--follow",
    "followed",
    metavar="NAME",
    help="Wait for a training that was started before, by its name or its execution's ARN.",
)
@stage_options
@tune_options
@json_option
def train(  # noqa: PLR0913 - the options of a command
    place: StageOptions,
    tune: TuneOptions,
    name: str | None,
    preset: PresetName,
    target: TargetName | Literal["bedrock"],
    image: str | None,
    estimate: bool,
    fits_unchecked: bool,
    spot: bool,
    given: tuple[str, ...],
    bases: tuple[str, ...],
    accepted: tuple[str, ...],
    own: OwnDataOptions,
    gates: tuple[str, ...],
    unapproved: bool,
    followed: str | None,
    as_json: bool,
) -> None:
    """Train RECIPE, evaluate it, export it, and register it if it passes its gates.

    With --tune, settings out of the recipe's ranges are tried first: trials are trained and
    evaluated, and the command that trains the best is printed. With --then-train it is run.

    The stage needs the parameter Training=on, and this machine the training environment (make
    training), which prepares the data.
    """
    output, outcome, copies = Output(as_json=as_json), None, ExitStack()
    if followed is not None:
        _follow(output, place, followed, name)
        return
    if name is None:
        raise UsageError("Name a RECIPE, or a training that runs by --follow NAME.")
    if target == BEDROCK:
        asked = BedrockOptions(name, bases[0] if bases else "", given, own)
        train_on_bedrock(output, place, asked, only_estimate=estimate)
        return
    try:
        found = recipe.load(name)
        settings, begun = job.parse_settings(given), named_bases(bases)
        recipe.resolve(found, preset, settings)
        bounds = known_gates(found, gates)
        allowed = f"{UNAPPROVED_BASES} was given" if unapproved else ""
        _warn(output, allowed, found.known_misses if preset == "tiny" else {})
        data = copies.enter_context(own_channel(found, own, place, output))
        wish = JobSpec("", found, preset, target, settings, spot, image, allowed, data)
        wish = replace(
            wish,
            accepted_licences=frozenset(accepted),
            asked_gates=bounds,
            fits_unchecked=fits_unchecked,
        )
        if estimate:
            trials = count_trials(found, tune.effort, settings) if tune.tunes else 0
            estimate_training(output, wish, trials, begun.get(CHANNEL, ""))
            return
        with translate_training_errors():
            if tune.tunes:
                outcome = _tune(output, place, tune, wish, begun)
                if not tune.then_train:
                    return
                wish = replace(wish, overrides=outcome.settings)
            training = StageTraining(place.find(), say=output.notice)
            wish = replace(wish, job_name=training_name(training.home, name))
            output.notice(f"Training {wish.job_name}.")
            ended = _wait(output, training, training.start(wish, begun), wish.job_name)
    except BadRecipe as error:
        raise UsageError(str(error)) from error
    except (TrainingFailure, ValueError, TrainingError) as error:
        raise CommandError(str(error)) from error
    finally:
        copies.close()
    _show(output, wish, ended, outcome)


def _warn(output: Output, allowed: str, misses: Mapping[str, str]) -> None:
    if allowed:
        output.notice(f"Warning: {allowed}: bases are taken whatever their verdicts.", "red")
    for gate, reason in misses.items():
        output.notice(f"Warning: as shipped, it misses its gate on {gate}: {reason}.", "red")


def _tune(
    output: Output,
    place: StageOptions,
    tune: TuneOptions,
    wish: JobSpec,
    begun: Mapping[str, str],
) -> TuningOutcome:
    """Tune, and show what was found, unless a JSON of the training will have it."""
    outcome = run_tuning(output, place, tune, wish, begun)
    if not (output.as_json and tune.then_train):
        show_tuned(output, outcome)
    return outcome


def known_gates(found: Recipe, given: Iterable[str]) -> dict[str, Gate]:
    """Return gates on numbers that a recipe measures. Raises UsageError and BadRecipe."""
    gates = parse_gates(given)
    require_known_numbers(found, gates)
    return gates


def parse_gates(given: Iterable[str]) -> dict[str, Gate]:
    """Return gates by the names of numbers. Raises UsageError."""
    gates: dict[str, Gate] = {}
    for each in given:
        read = _GATE.fullmatch(each)
        if read is None:
            raise UsageError(f"--gate is NAME>=VALUE or NAME<=VALUE, in quotes; {each!r} is none.")
        bound = {"least" if read["sign"] == ">=" else "most": float(read["value"])}
        before = gates[read["name"]].model_dump(exclude_none=True) if read["name"] in gates else {}
        gates[read["name"]] = Gate(**{**before, **bound})
    return gates


def named_bases(given: Iterable[str]) -> dict[str, str]:
    """Return what `--base` names, by its channel; a reference by itself is the base model."""
    found = {}
    for each in given:
        channel, equals, named = each.partition("=")
        if equals and _CHANNEL.fullmatch(channel):
            found[channel] = named
        else:
            found[CHANNEL] = each
    return found


def _follow(output: Output, place: StageOptions, named: str, name: str | None) -> None:
    """Wait for a training that was started before, and show its result."""
    if name is not None:
        raise UsageError(f"--follow names a training that runs, so leave {name} out.")
    try:
        with translate_training_errors():
            stage = place.find()
            training = StageTraining(stage)
            found = find_training(stage.client, training.home.machine, named)
            output.notice(f"Following {found.spec.job_name}.")
            ended = _wait(output, training, found.arn, found.spec.job_name)
    except (TrainingFailure, TrainingError) as error:
        raise CommandError(str(error)) from error
    _show(output, found.spec, ended)


def _wait(output: Output, training: StageTraining, arn: str, name: str) -> Mapping[str, Any]:
    """Wait for the end of an execution; Ctrl-C ends the waiting alone."""
    try:
        return training.follow(arn)
    except KeyboardInterrupt:
        output.notice(f"{name} goes on. Follow it again by: headrace train --follow {name}")
        raise


def _show(output: Output, wish: JobSpec, ended: Any, outcome: TuningOutcome | None = None) -> None:
    if ended["status"] != "SUCCEEDED":
        output.notice(str(ended.get("cause") or ended["status"]), "red")
        raise ItemsFailedError
    result = json.loads(ended["output"])
    if output.as_json:
        before = {"tuning": as_fields(outcome)} if outcome else {}
        output.json({**before, "training": wish.job_name, **result})
        return
    rows = [
        (measured, f"{value:.4g}", _bounds(wish, measured))
        for measured, value in result["metrics"].items()
    ]
    output.table(("number", "value", "gate"), rows)
    label = result["arn"].partition(":model-package/")[2]
    output.line(f"Registered as {result['arn']}, waiting for approval.")
    output.line(f"Once looked at, it is approved by: headrace models approve {label}")


def _bounds(wish: JobSpec, measured: str) -> str:
    gate = wish.gates[measured]
    bounds = [("at least", gate.least), ("at most", gate.most)]
    return ", ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)
