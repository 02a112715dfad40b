"""`headrace train --target bedrock`: fine-tune a model of Bedrock on a user's conversations."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from chalicelib.errors import InvalidInput
from chalicelib.generation.customisable import CustomisableModel, customisable_models
from cli.data.channel import OwnDataOptions, own_channel
from cli.failures import CommandError, ItemsFailedError, UsageError
from cli.options import StageOptions
from cli.output import Output
from infra.models.customisation import (
    CustomisationError,
    StageCustomisation,
    conversation_lines,
    estimate_customisation,
    translate_customisation_errors,
)
from models.failures import BadRecipe, TrainingFailure
from models.training import recipe
from models.training.job import parse_settings
from models.training_data.channel import read_channel
from models.training_data.rows import ChatExample

BEDROCK: Final = "bedrock"
"""The target of a training by Bedrock itself."""
RECIPE = "instruction_tuning"
"""The one recipe whose rows Bedrock learns from: conversations."""


@dataclass(frozen=True, slots=True)
class BedrockOptions:
    """What the command was given: recipe, base, settings as NAME=VALUE, and the user's data."""

    recipe: str
    base: str
    settings: Sequence[str]
    own: OwnDataOptions


@dataclass(frozen=True, slots=True)
class BedrockTraining:
    """A fine-tuning of a base, with its settings and its conversations."""

    base: CustomisableModel
    settings: Mapping[str, str]
    lines: Sequence[str]

    @classmethod
    def of(cls, given: BedrockOptions, data: Path | None) -> BedrockTraining:
        """Return the fine-tuning on the training rows of a prepared channel.

        Raises:
            UsageError: Bedrock does not take the base, a setting or the rows.
            BadData: the channel is broken.
        """
        known = customisable_models()
        if not given.base or data is None:
            names = ", ".join(each.model for each in known.bases)
            raise UsageError(f"--target bedrock needs --data, and --base, one of {names}.")
        rows = read_channel(data, ChatExample).train
        try:
            base = known.base(given.base)
            settings = known.settings(parse_settings(given.settings))
            return cls(base, settings, conversation_lines(base, rows))
        except InvalidInput as error:
            raise UsageError(error.message) from error


def _require_recipe(name: str) -> None:
    """Raise UsageError for a recipe that Bedrock has no job for."""
    if name == "continued_pretraining":
        raise UsageError(
            "Bedrock pre-trains no model further: those that took it, Titan Text, have ended. "
            "Train an open base, without --target bedrock, and let Bedrock answer by it: headrace "
            "models import GROUP/VERSION."
        )
    if name != RECIPE:
        raise UsageError(f"Bedrock fine-tunes on conversations: train {RECIPE} by it.")


def train_on_bedrock(
    output: Output, place: StageOptions, given: BedrockOptions, *, only_estimate: bool
) -> None:
    """Show the cost, and unless that is all, fine-tune, wait, and say how the model is served.

    Raises:
        UsageError: Bedrock does not take what was given.
        CommandError: the data is broken, the stage does not fine-tune, or AWS refuses.
        ItemsFailedError: the job failed; its reason was shown.
    """
    _require_recipe(given.recipe)
    try:
        with own_channel(recipe.load(given.recipe), given.own, place, output) as data:
            training = BedrockTraining.of(given, data)
    except BadRecipe as error:
        raise UsageError(str(error)) from error
    except TrainingFailure as error:
        raise CommandError(str(error)) from error
    if only_estimate:
        _show_estimate(output, training)
        return
    _run(output, place, training)


def _show_estimate(output: Output, training: BedrockTraining) -> None:
    """Show what a fine-tuning costs at most."""
    found = estimate_customisation(training.base, training.settings, training.lines)
    if output.as_json:
        output.json({name: str(value) for name, value in asdict(found).items()})
        return
    output.table(
        ("base", "conversations", "tokens at most", "epochs", "$ at most", "$ a month, kept"),
        [
            (
                training.base.model,
                str(found.records),
                str(found.tokens),
                str(found.epochs),
                f"{found.training_usd:.2f}",
                f"{found.month_usd}",
            )
        ],
    )
    output.line("Prices are as third parties quote them: see models/customisable.json.")


def _run(output: Output, place: StageOptions, training: BedrockTraining) -> None:
    moment = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    name = f"headrace-{training.base.model}-{moment}"
    output.notice(f"Fine-tuning {training.base.model} as {name}.")
    try:
        with translate_customisation_errors():
            stage = StageCustomisation(place.find())
            begun = stage.start(name, training.base, training.settings, training.lines)
            ended = stage.follow(begun)
    except (CustomisationError, ValueError) as error:
        raise CommandError(str(error)) from error
    if ended["status"] != "SUCCEEDED":
        output.notice(str(ended.get("cause") or ended["status"]), "red")
        raise ItemsFailedError
    result = json.loads(ended["output"])
    if output.as_json:
        output.json({"training": name, **result})
        return
    for measured, value in result["metrics"].items():
        output.line(f"{measured} of the last step: {value:.4g}")
    output.line(f"{result['arn']} is kept for {training.base.usd_model_month} $ a month.")
    output.line(f"It answers calls once it is served: headrace models serve NAME {result['arn']}")
