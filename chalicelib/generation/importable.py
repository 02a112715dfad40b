"""Architectures, limits and prices of Bedrock's Custom Model Import.

`models/importable.json` has it, with date and sources.
https://docs.aws.amazon.com/bedrock/latest/userguide/model-customization-import-model.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from chalicelib.contracts.base import Contract
from chalicelib.errors import InvalidInput
from chalicelib.generation.customisable import CustomisationFacts

FILE = Path(__file__).parents[2] / "models" / "importable.json"
_NEEDED = ("config.json", "tokenizer_config.json", "tokenizer.json")


class ImportLimits(Contract):
    """The limits and prices of imported models.

    `architectures` are transformers' names, and an account has `max_models` at most. Prices are
    dollars for a custom model unit: for each minute of a window in which it answers, and for the
    storage of a month.
    """

    facts: CustomisationFacts
    regions: tuple[str, ...]
    architectures: tuple[str, ...]
    max_bytes: Annotated[int, Field(ge=1)]
    max_context: Annotated[int, Field(ge=1)]
    max_models: Annotated[int, Field(ge=1)]
    window_minutes: Annotated[int, Field(ge=1)]
    usd_unit_minute: Decimal
    usd_unit_month: Decimal
    tokens_per_second: Annotated[int, Field(ge=1)]

    @property
    def usd_token(self) -> Decimal:
        """Return what a token of one unit costs if a copy works for one caller alone.

        Bedrock bills time, and budgets count tokens: at `tokens_per_second` this is rather too
        much than too little, but for the rest of a window that nobody uses.
        """
        return self.usd_unit_minute / 60 / self.tokens_per_second

    def check_region(self, region: str) -> None:
        """Raise InvalidInput for a region in which Bedrock imports nothing."""
        if region not in self.regions:
            raise InvalidInput(
                f"Bedrock imports models in {', '.join(self.regions)}, and not in {region}.",
                field="region",
            )

    def check(self, config: Mapping[str, Any], files: Mapping[str, int], region: str) -> None:
        """Raise InvalidInput for a model that Bedrock does not import.

        `config` is its config.json, and `files` are the bytes of its files.
        """
        self.check_region(region)
        architecture = str(config.get("model_type", "unknown"))
        if architecture not in self.architectures:
            raise InvalidInput(
                f"Amazon Bedrock does not support the architecture ({architecture}) of the model; "
                f"it does {', '.join(self.architectures)}.",
                field="architecture",
            )
        if "quantization_config" in config:
            raise InvalidInput("The weights are quantised; import fp32, fp16 or bf16.")
        if missing := [name for name in _NEEDED if name not in files]:
            raise InvalidInput(f"The model has no {missing[0]}, which an import needs.")
        weights = [size for name, size in files.items() if name.endswith(".safetensors")]
        if not weights:
            raise InvalidInput("The model has no weights as .safetensors.")
        if sum(weights) > self.max_bytes:
            raise InvalidInput(
                f"The weights have {sum(weights):,} bytes; Bedrock takes {self.max_bytes:,}."
            )
        context = int(config.get("max_position_embeddings", 0))
        if context > self.max_context:
            raise InvalidInput(
                f"The model has {context:,} positions; Bedrock takes {self.max_context:,}. Lower "
                "max_position_embeddings in its config.json."
            )


@cache
def import_limits() -> ImportLimits:
    """Return the limits of the file, which is read once."""
    return ImportLimits.model_validate(json.loads(FILE.read_text(encoding="utf-8")))
