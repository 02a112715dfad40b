"""Loading of the served models from `models/served.json`.

The loader does not validate the file, since it runs at every cold start: `model_schema` validates
it when the template is synthesised, in `headrace models check`, and in the tests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from chalicelib.generation.models import (
    BatchOffer,
    BedrockBackend,
    EndpointBackend,
    FunctionBackend,
    InferenceProfile,
    Lifecycle,
    ModelBackend,
    ModelLimits,
    OpenAiBackend,
    ServedModel,
    ServedModels,
    TranscribeBackend,
)

SERVED_FILE = Path(__file__).parents[2] / "models" / "served.json"

_Areas = Mapping[str, Sequence[str]]
"""Regions by the name of their area, by which lists of regions abbreviate them."""

_NO_AREAS: _Areas = MappingProxyType({})


@cache
def served_models() -> ServedModels:
    """Return the models of the file beside this code."""
    return parse_served_models(json.loads(SERVED_FILE.read_text(encoding="utf-8")))


def parse_served_models(document: Mapping[str, Any]) -> ServedModels:
    """Return the models of a valid document of the file's format, in its order."""
    areas: _Areas = document["areas"]
    models = (parse_model(entry, areas) for entry in document["models"])
    return ServedModels(MappingProxyType({model.name: model for model in models}))


def parse_model(entry: Mapping[str, Any], areas: _Areas = _NO_AREAS) -> ServedModel:
    """Return the model of a valid entry of the file's format."""
    batch, flex = entry.get("batch"), entry.get("flex")
    limits = entry["limits"]
    return ServedModel(
        name=entry["name"],
        title=entry["title"],
        provider=entry["provider"],
        task=entry["task"],
        tier=entry["tier"],
        licence=entry["licence"],
        backend=_backend(entry["backend"], areas),
        limits=ModelLimits(**{**limits, "dimensions": tuple(limits.get("dimensions", ()))}),
        inputs=frozenset(entry["inputs"]),
        outputs=frozenset(entry["outputs"]),
        abilities=frozenset(entry["abilities"]),
        refuses=tuple(entry.get("refuses", ())),
        fallbacks=tuple(entry.get("fallbacks", ())),
        lifecycle=_lifecycle(entry["lifecycle"]),
        batch=BatchOffer(Decimal(batch["price_factor"]), batch["least_items"]) if batch else None,
        flex=Decimal(flex["price_factor"]) if flex else None,
        long_prompt_tokens=entry.get("long_prompt_tokens", 0),
        local=entry.get("local", ""),
        notes=entry.get("notes", ""),
        specialty=entry.get("only", ""),
        aliases=tuple(entry.get("aliases", ())),
        queue=entry.get("queue", ""),
    )


def _backend(entry: Mapping[str, Any], areas: _Areas) -> ModelBackend:
    if entry["kind"] == "endpoint":
        return EndpointBackend(
            entry["endpoint"],
            entry["schema"],
            entry.get("asynchronous", False),
            entry.get("weights_tenant", ""),
        )
    if entry["kind"] == "openai":
        return OpenAiBackend(
            url=entry["url"],
            model_id=entry["model_id"],
            schema=entry["schema"],
            secret=entry.get("secret", ""),
            reach=entry.get("reach", "region"),
        )
    if entry["kind"] == "transcribe":
        return TranscribeBackend(
            _regions(entry["regions"], areas), entry["min_seconds"], entry["max_seconds"]
        )
    if entry["kind"] == "function":
        return FunctionBackend(
            function=entry["function"],
            memory_mb=entry["memory_mb"],
            tokens_per_second=entry.get("tokens_per_second", 0),
            images_per_second=entry.get("images_per_second", 0),
            audio_seconds_per_second=entry.get("audio_seconds_per_second", 0),
            call_seconds=entry.get("call_seconds", 0),
            recipes=tuple(entry.get("recipes", ())),
            template=entry.get("template", ""),
            chat=entry.get("chat", False),
        )
    profiles = {
        name: InferenceProfile(
            profile["id"],
            _regions(profile["regions"], areas),
            Decimal(profile.get("price_factor", "1")),
        )
        for name, profile in entry["profiles"].items()
    }
    return BedrockBackend(
        model_id=entry["model_id"],
        api=entry["api"],
        schema=entry["schema"],
        regions=_regions(entry["regions"], areas),
        region_price_factor=Decimal(entry.get("region_price_factor", "1")),
        profiles=MappingProxyType(profiles),
    )


def _regions(names: Sequence[str], areas: _Areas) -> frozenset[str]:
    """Return regions, with the names of areas replaced by their regions."""
    return frozenset(region for name in names for region in areas.get(name, (name,)))


def _lifecycle(entry: Mapping[str, str]) -> Lifecycle:
    days = {
        name: date.fromisoformat(entry[name])
        for name in ("launched", "not_before", "ends")
        if name in entry
    }
    return Lifecycle("active" if entry["status"] == "active" else "legacy", **days)
