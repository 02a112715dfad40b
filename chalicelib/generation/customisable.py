"""Bedrock's models that can be fine-tuned, with the limits and prices of their jobs.

`models/customisable.json` has them, with date and sources. Nova's rows are conversations, and its
settings three numbers.
https://docs.aws.amazon.com/nova/latest/userguide/customize-fine-tune.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from chalicelib.contracts.base import Contract
from chalicelib.errors import InvalidInput

FILE = Path(__file__).parents[2] / "models" / "customisable.json"
RESERVED_WORDS = ("User:", "Bot:", "Assistant:", "System:", "[EOS]", "<image>", "<video>")
"""Words that fail a job if a prompt of its data has them: they would end a turn."""
CustomisationType = Literal["FINE_TUNING", "CONTINUED_PRE_TRAINING", "DISTILLATION"]


class CustomisationFacts(Contract):
    """When the limits and prices were looked up, and where."""

    date: str
    sources: tuple[str, ...]


class CustomisableModel(Contract):
    """A model of the catalogue that Bedrock fine-tunes.

    `identifier` is what a job names, `model` the catalogue's name. Prices are dollars for a million
    training tokens, of each epoch, and for the storage of a custom model in a month.
    """

    model: str
    identifier: str
    regions: tuple[str, ...]
    types: tuple[CustomisationType, ...]
    least_records: Annotated[int, Field(ge=1)]
    most_records: Annotated[int, Field(ge=1)]
    usd_million_tokens: Decimal
    usd_model_month: Decimal


class HyperparameterRange(Contract):
    """The range of a setting. `whole` numbers have no fraction."""

    least: float
    most: float
    default: float
    whole: bool

    def text(self, value: float) -> str:
        """Return a value as Bedrock takes it."""
        return str(int(value)) if self.whole else f"{value:.10f}".rstrip("0")


class CustomisableModels(Contract):
    """All models that can be fine-tuned, and the ranges of the settings that they share."""

    facts: CustomisationFacts
    bases: tuple[CustomisableModel, ...]
    hyperparameters: Mapping[str, HyperparameterRange]

    def base(self, name: str) -> CustomisableModel:
        """Return a model by the catalogue's name or by its identifier. Raises InvalidInput."""
        for each in self.bases:
            if name in (each.model, each.identifier):
                return each
        raise InvalidInput(
            f"{name} cannot be fine-tuned on Bedrock here; "
            f"{', '.join(each.model for each in self.bases)} can.",
            field="base",
        )

    def settings(self, given: Mapping[str, object]) -> Mapping[str, str]:
        """Return all settings as texts, the missing ones by their defaults.

        Raises:
            InvalidInput: a setting is unknown, no number, or out of its range.
        """
        if unknown := sorted(set(given) - set(self.hyperparameters)):
            raise InvalidInput(
                f"{unknown[0]} is no setting of a fine-tuning; they are "
                f"{', '.join(self.hyperparameters)}.",
                field=unknown[0],
            )
        return {
            name: bounds.text(_number(name, given.get(name, bounds.default), bounds))
            for name, bounds in self.hyperparameters.items()
        }


def _number(name: str, given: object, bounds: HyperparameterRange) -> float:
    try:
        value = float(str(given))
    except ValueError:
        value = float("nan")
    if not bounds.least <= value <= bounds.most or (bounds.whole and not value.is_integer()):
        kind = "a whole number" if bounds.whole else "a number"
        raise InvalidInput(
            f"{name} is {given} and has to be {kind} from {bounds.least:g} to {bounds.most:g}.",
            field=name,
        )
    return value


@cache
def customisable_models() -> CustomisableModels:
    """Return the models of the file, which is read once."""
    return CustomisableModels.model_validate(json.loads(FILE.read_text(encoding="utf-8")))
