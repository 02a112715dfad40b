"""The schema of `models/served.json`, and its validation: errors name model and field.

Nothing imports this at run time: `model_file` loads the file without validation.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    ValidationError,
    model_validator,
)

from chalicelib.contracts.addresses import parse_target
from chalicelib.contracts.generations import GenerationTask
from chalicelib.errors import InvalidInput
from chalicelib.generation.models import AUTO, Ability, BedrockApi, Modality, Reach


class ServedFileError(ValueError):
    """Raised when the file is invalid; the message names the model and the field."""


def _positive_decimal(text: str) -> str:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueError("must be a decimal in quotes") from error
    if not number.is_finite() or number <= 0:
        raise ValueError("must be above 0")
    return text


def _iso_date(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise ValueError("must be a valid date such as 2026-11-26") from error
    return text


def _template(text: str) -> str:
    if text and text.count("{}") != 1:
        raise ValueError("must be a text with {} in one place")
    return text


def _base_url(text: str) -> str:
    try:
        parse_target(text, private_allowed=True)
    except InvalidInput as error:
        raise ValueError(error.message.rstrip(".")) from error
    if "?" in text or text.endswith("/"):
        raise ValueError("url must end without a slash, and hold no query")
    return text


PriceFactor = Annotated[str, AfterValidator(_positive_decimal)]
"""A decimal above 0, written as a string so that it stays exact."""
IsoDate = Annotated[str, AfterValidator(_iso_date)]
Text = Annotated[str, Field(min_length=1)]


class _Entry(BaseModel):
    """An object of the file: fields of exactly these types, and no others."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_null(cls, entry: Any) -> Any:
        if not isinstance(entry, dict):
            return entry
        nulls = [name for name, value in entry.items() if value is None]
        if nulls:
            raise ValueError(f"{nulls[0]} must not be null; leave it out")
        return entry


class ProfileEntry(_Entry):
    """An inference profile of Bedrock."""

    id: str
    regions: list[Text]
    price_factor: PriceFactor = "1"


class BedrockEntry(_Entry):
    """A backend on Bedrock."""

    kind: Literal["bedrock"]
    model_id: str
    api: BedrockApi
    schema_: str = Field(alias="schema")
    regions: list[Text]
    region_price_factor: PriceFactor = "1"
    profiles: dict[str, ProfileEntry]


class EndpointEntry(_Entry):
    """A backend behind an endpoint of SageMaker."""

    kind: Literal["endpoint"]
    endpoint: str
    schema_: str = Field(alias="schema")
    asynchronous: bool = False
    weights_tenant: str = ""


class FunctionEntry(_Entry):
    """A backend in a Lambda function."""

    kind: Literal["function"]
    function: str
    memory_mb: PositiveInt
    tokens_per_second: NonNegativeInt = 0
    images_per_second: NonNegativeInt = 0
    audio_seconds_per_second: NonNegativeInt = 0
    call_seconds: NonNegativeInt = 0
    recipes: list[Text] = []
    template: Annotated[str, AfterValidator(_template)] = ""
    chat: bool = False

    @model_validator(mode="after")
    def _require_rate(self) -> FunctionEntry:
        rates = (self.tokens_per_second, self.images_per_second, self.audio_seconds_per_second)
        if not any(rates):
            raise ValueError(
                "tokens_per_second must be above 0, or images_per_second, or"
                " audio_seconds_per_second"
            )
        return self


class OpenAiEntry(_Entry):
    """A backend behind a server of OpenAI's API."""

    kind: Literal["openai"]
    url: Annotated[str, AfterValidator(_base_url)]
    model_id: Text
    schema_: str = Field(alias="schema")
    secret: str = ""
    reach: Reach = "region"


class TranscribeEntry(_Entry):
    """A backend of batch jobs of Amazon Transcribe."""

    kind: Literal["transcribe"]
    regions: list[Text]
    min_seconds: PositiveInt
    max_seconds: PositiveInt


class LimitsEntry(_Entry):
    """The limits of a model."""

    context_tokens: NonNegativeInt = 0
    output_tokens: NonNegativeInt = 0
    passage_tokens: NonNegativeInt = 0
    tool_tokens: NonNegativeInt = 0
    texts: NonNegativeInt = 0
    images: NonNegativeInt = 0
    dimensions: list[PositiveInt] = []


class LifecycleEntry(_Entry):
    """The lifecycle of a model; one that has ended has a date in `ends`."""

    status: Literal["active", "legacy"]
    launched: IsoDate | None = None
    not_before: IsoDate | None = None
    ends: IsoDate | None = None


class BatchEntry(_Entry):
    """The terms of batch jobs."""

    price_factor: PriceFactor
    least_items: NonNegativeInt


class FlexEntry(_Entry):
    """The terms of the service tier `flex`."""

    price_factor: PriceFactor


class ModelEntry(_Entry):
    """One served model."""

    name: str
    title: str
    provider: str
    task: GenerationTask
    tier: Annotated[int, Field(ge=1, le=5)]
    licence: str
    backend: Annotated[
        BedrockEntry | EndpointEntry | FunctionEntry | OpenAiEntry | TranscribeEntry,
        Field(discriminator="kind"),
    ]
    limits: LimitsEntry
    inputs: list[Modality]
    outputs: list[Modality]
    abilities: list[Ability]
    refuses: list[Text] = []
    fallbacks: list[Text] = []
    lifecycle: LifecycleEntry
    batch: BatchEntry | None = None
    flex: FlexEntry | None = None
    long_prompt_tokens: NonNegativeInt = 0
    local: str = ""
    notes: str = ""
    only: str = ""
    aliases: list[Text] = []
    queue: str = ""


class FactsEntry(_Entry):
    """The date and the source of the file's facts."""

    date: IsoDate
    sources: list[Text]


class ServedDocument(_Entry):
    """The whole file."""

    facts: FactsEntry
    areas: dict[str, list[Text]]
    models: list[ModelEntry]


def validate_served_file(document: Any) -> None:
    """Raise `ServedFileError` if a document, as parsed from JSON, is not a valid file."""
    try:
        file = ServedDocument.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        message = f"{_place(document, first['loc'])}: {first['msg']} (it is {first['input']!r})"
        raise ServedFileError(message) from error
    tasks: dict[str, str] = {}
    for model in file.models:
        if model.name in tasks:
            raise ServedFileError(f"served.json describes {model.name} twice.")
        tasks[model.name] = model.task
    names = {AUTO, *tasks}
    for model in file.models:
        for alias in model.aliases:
            if alias in names:
                raise ServedFileError(f"{model.name}.aliases: {alias!r} is already a model's name.")
            names.add(alias)
    for model in file.models:
        for name in model.fallbacks:
            if name == model.name or tasks.get(name) != model.task:
                others = ", ".join(sorted(n for n, task in tasks.items() if task == model.task))
                raise ServedFileError(
                    f"{model.name}.fallbacks names {name!r}; it must be another model for"
                    f" {model.task}: {others}."
                )


def _place(document: Any, location: Sequence[int | str]) -> str:
    """Return the place of an error, as `model.field`, or from the top of the file."""
    match location:
        case ["models", int(index), *rest]:
            entry = document["models"][index]
            name = entry.get("name") if isinstance(entry, dict) else None
            return ".".join(
                [name if isinstance(name, str) else f"models[{index}]", *map(str, rest)]
            )
        case _:
            return ".".join(["served.json", *map(str, location)])
