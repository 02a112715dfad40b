"""`models/served.json`, read strictly: what is wrong is named with its model and field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast, get_args

from chalicelib.generation.models import (
    Ability,
    BatchOffer,
    BedrockApi,
    BedrockBackend,
    EndpointBackend,
    FunctionBackend,
    InferenceProfile,
    Lifecycle,
    Modality,
    ModelBackend,
    ModelLimits,
    ServedModel,
    ServedModels,
)
from chalicelib.generation.served_fields import Areas, Fields, ServedFileError

if TYPE_CHECKING:
    from chalicelib.contracts.generations import GenerationTask

TASKS = (
    *("chat", "embedding", "image", "classification", "scoring"),
    *("moderation", "transcription"),
)
"""Those of the contracts, which take longer to import than the file takes to read."""

_BEST_TIER = 5


def read(written: Any) -> ServedModels:
    """Return the models that `written`, the file's JSON, describes. Raises `ServedFileError`."""
    whole = Fields("served.json", written)
    facts = whole.part("facts")
    facts.day("date")
    facts.texts("sources")
    facts.done()
    areas = {
        name: tuple(Fields("areas", {name: regions}).texts(name))
        for name, regions in whole.mapping("areas").items()
    }
    models: dict[str, ServedModel] = {}
    for number, entry in enumerate(whole.sequence("models")):
        model = _model(Fields(f"models[{number}]", entry), areas)
        if model.name in models:
            raise ServedFileError(f"served.json describes {model.name} twice.")
        models[model.name] = model
    whole.done()
    for model in models.values():
        _check_fallbacks(model, models)
    return ServedModels(MappingProxyType(models))


def _model(part: Fields, areas: Areas) -> ServedModel:
    name = part.take("name", str)
    part.where = name
    tier = part.count("tier")
    if not 1 <= tier <= _BEST_TIER:
        raise part.wrong("tier", f"1 to {_BEST_TIER}")
    model = ServedModel(
        name=name,
        title=part.take("title", str),
        provider=part.take("provider", str),
        task=cast("GenerationTask", part.one_of("task", TASKS)),
        tier=tier,
        licence=part.take("licence", str),
        backend=_backend(part.part("backend"), areas),
        limits=_limits(part.part("limits")),
        inputs=cast(frozenset[Modality], part.some_of("inputs", get_args(Modality))),
        outputs=cast(frozenset[Modality], part.some_of("outputs", get_args(Modality))),
        abilities=cast(frozenset[Ability], part.some_of("abilities", get_args(Ability))),
        refuses=part.texts("refuses", []),
        fallbacks=part.texts("fallbacks", []),
        lifecycle=_lifecycle(part.part("lifecycle")),
        batch=_batch(part.part("batch")) if part.has("batch") else None,
        flex=_flex(part.part("flex")) if part.has("flex") else None,
        long_prompt_tokens=part.count("long_prompt_tokens", 0),
        local=part.take("local", str, ""),
        notes=part.take("notes", str, ""),
        specialty=part.take("only", str, ""),
    )
    part.done()
    return model


def _backend(part: Fields, areas: Areas) -> ModelBackend:
    kind = part.take("kind", str)
    found: ModelBackend
    if kind == "bedrock":
        found = BedrockBackend(
            model_id=part.take("model_id", str),
            api=cast(BedrockApi, part.one_of("api", get_args(BedrockApi))),
            schema=part.take("schema", str),
            regions=part.regions("regions", areas),
            region_price_factor=part.factor("region_price_factor", "1"),
            profiles=MappingProxyType(_profiles(part.part("profiles"), areas)),
        )
    elif kind == "endpoint":
        found = EndpointBackend(
            part.take("endpoint", str),
            part.take("schema", str),
            part.take("asynchronous", bool, False),
        )
    elif kind == "function":
        found = FunctionBackend(
            part.take("function", str),
            max(1, part.count("memory_mb")),
            part.count("tokens_per_second", 0),
            part.count("images_per_second", 0),
            part.count("call_seconds", 0),
            part.texts("recipes", []),
            part.take("template", str, ""),
        )
        if not (found.tokens_per_second or found.images_per_second):
            raise part.wrong("tokens_per_second", "above 0, or images_per_second")
        if found.template and found.template.count("{}") != 1:
            raise part.wrong("template", "a text with {} in one place")
    else:
        raise part.wrong("kind", "one of bedrock, endpoint, function")
    part.done()
    return found


def _profiles(part: Fields, areas: Areas) -> dict[str, InferenceProfile]:
    found = {}
    for name in part.names():
        profile = part.part(name)
        found[name] = InferenceProfile(
            profile.take("id", str),
            profile.regions("regions", areas),
            profile.factor("price_factor", "1"),
        )
        profile.done()
    return found


def _limits(part: Fields) -> ModelLimits:
    names = (
        *("context_tokens", "output_tokens", "passage_tokens", "tool_tokens"),
        *("texts", "images"),
    )
    counts = {name: part.count(name, 0) for name in names}
    dimensions = part.take("dimensions", list, [])
    if not all(isinstance(count, int) and count > 0 for count in dimensions):
        raise part.wrong("dimensions", "a list of whole numbers above 0")
    part.done()
    return ModelLimits(**counts, dimensions=tuple(dimensions))


def _lifecycle(part: Fields) -> Lifecycle:
    status = part.take("status", str)
    if status not in ("active", "legacy"):
        raise part.wrong("status", "active or legacy; one that has ended has a date in ends")
    found = Lifecycle(
        "active" if status == "active" else "legacy",
        part.day("launched"),
        part.day("not_before"),
        part.day("ends"),
    )
    part.done()
    return found


def _batch(part: Fields) -> BatchOffer:
    found = BatchOffer(part.factor("price_factor"), part.count("least_items"))
    part.done()
    return found


def _flex(part: Fields) -> Decimal:
    found = part.factor("price_factor")
    part.done()
    return found


def _check_fallbacks(model: ServedModel, known: Mapping[str, ServedModel]) -> None:
    """Raise `ServedFileError` where a fallback is unknown, itself, or does something else."""
    for name in model.fallbacks:
        other = known.get(name)
        if other is None or other is model or other.task != model.task:
            names = _names(found for found in known.values() if found.task == model.task)
            raise ServedFileError(
                f"{model.name}.fallbacks names {name!r}; it must be another model for"
                f" {model.task}: {names}."
            )


def _names(models: Iterable[ServedModel]) -> str:
    return ", ".join(sorted(model.name for model in models))
