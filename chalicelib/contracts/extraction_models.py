"""The language model that an extraction asks about open fields: its terms, and what came of it.

It chooses among numbered spans of the document and never types a value.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, model_validator

from chalicelib.contracts.base import Contract, HttpInput
from chalicelib.contracts.batches import ItemError
from chalicelib.contracts.receipts import Dollars

NO_MODEL = "none"
"""Asks for no model where a saved extractor names one."""
DOCUMENT_BUDGET = Decimal("0.05")
"""Dollars that the calls for one document may cost together, unless a request says otherwise."""

ModelName = Annotated[str, Field(min_length=1, max_length=200)]
ChoiceRefusal = Literal["number", "taken", "rule", "doubtful"]
"""Why a choice is not taken: its number was not offered for the field, another field has the span,
a rule of the schema would break, or it is not likely enough to be right."""


class ModelTerms(Contract):
    """The model that is asked, by the words of a generation's terms.

    `model` is a name of the served catalogue, or `auto` for the cheapest of tier `quality` or above
    that suffices. `budget` bounds the calls for one document, in dollars; a model without a price
    is asked only where it is None.
    """

    model: str
    quality: int = Field(default=1, ge=1, le=5)
    budget: Dollars | None = DOCUMENT_BUDGET


MODEL_GIVEN: dict[str, JsonValue] = {"quality": ["model"], "budget": ["model"]}
"""The JSON Schema's `dependentRequired` of a `ModelInput`."""


class ModelInput(HttpInput):
    """The fields of a request that name a model for open fields.

    Without `model` none is asked, or the one of the saved extractor; `none` asks none in any case.
    """

    model: ModelName | None = None
    quality: Annotated[int, Field(ge=1, le=5)] = 1
    budget: Dollars | None = DOCUMENT_BUDGET

    @model_validator(mode="after")
    def _names_a_model(self) -> Self:
        for each in MODEL_GIVEN:
            if each in self.model_fields_set and "model" not in self.model_fields_set:
                raise ValueError(f"{each} is that of a model; name it as model")
        return self

    def model_terms(self, saved: ModelTerms | None = None) -> ModelTerms | None:
        """Return the terms by which a model is asked, None if none is.

        Args:
            saved: those of a saved extractor, which hold unless the request names a model.
        """
        if self.model is None:
            return saved
        if self.model == NO_MODEL:
            return None
        return ModelTerms(model=self.model, quality=self.quality, budget=self.budget)


class FieldChoices(Contract):
    """Choices of a language model for the open fields of one document.

    Of `asked` fields it chose a span for `chosen`, and those in `refused` were not taken, counted
    by reason; for the others it found none. `left` fields were open and not asked about, for want
    of calls, tokens, time or money. `error` is the failure of a call; it may pass.
    """

    model: str
    prompt: str
    asked: int = Field(default=0, ge=0)
    chosen: int = Field(default=0, ge=0)
    refused: dict[ChoiceRefusal, int] = Field(default_factory=dict)
    left: int = Field(default=0, ge=0)
    error: ItemError | None = None
    may_pass: bool = False
