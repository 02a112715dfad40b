"""Check the served models against the catalogue and against Bedrock's own list. Pure.

A fault must be fixed: a call would fail, or go to the wrong model. A notice is worth knowing: a
model has ended, ends soon, has no price, or an old one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Literal

from chalicelib.generation.bodies import embeddings, openai_chat
from chalicelib.generation.models import BedrockBackend, EndpointBackend, ServedModel, ServedModels
from chalicelib.generation.pricing import is_priced, price_units
from chalicelib.generation.requirements import CallRegion

if TYPE_CHECKING:
    from chalicelib.generation.catalogue import Catalogue

SOON = timedelta(days=90)
OLD_PRICE = timedelta(days=365)
DEFAULT_REGION = "us-east-1"
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_STATES: Mapping[str, Literal["there", "legacy"]] = {"ACTIVE": "there", "LEGACY": "legacy"}
_LOCAL_TASKS = {
    "chat": "chat",
    "embedding": "text-embedding",
    "transcription": "speech-to-text",
}


@dataclass(frozen=True, slots=True)
class ModelFinding:
    """A fault or notice about one model."""

    kind: Literal["fault", "notice"]
    model: str
    text: str


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model as Bedrock's ListFoundationModels describes it."""

    model_id: str
    status: str
    inference_types: frozenset[str]
    ends: date | None = None
    """The day from which calls fail, where Bedrock says it."""


@dataclass(frozen=True, slots=True)
class ModelStanding:
    """The status of one served model on Bedrock in one region.

    `state` is `there`, `missing`, `legacy`, `ended` if ours is known to be and Bedrock no longer
    has it, or `elsewhere` if we do not call it from that region.
    """

    model: str
    model_id: str
    state: Literal["there", "missing", "legacy", "ended", "elsewhere"]
    text: str = ""


def find_faults(served: ServedModels, known: Catalogue, today: date) -> Iterator[ModelFinding]:
    """Yield faults and notices about the served models and their prices."""
    for model in served.models.values():
        yield from _own(model, known)
        yield from _endpoint(model)
        yield from _life(model, served, today)
        yield from _prices(model, known, today)
    yield from _tasks(served, today)
    used = {model.priced_as for model in served.models.values()}
    for unit in sorted(known.prices):
        priced_as = unit.rpartition(".")[0]
        if priced_as.startswith(("bedrock.", "served.")) and priced_as not in used:
            yield ModelFinding(
                "notice", priced_as, f"{unit} has a price, and no model is served by it"
            )


def image_regions(served: ServedModels, today: date) -> tuple[str, ...]:
    """Return the regions in which an account may start to call an image model of Bedrock."""
    return tuple(
        sorted(
            {
                region
                for model in served.models.values()
                if model.task == "image" and model.lifecycle.status_on(today) == "active"
                if isinstance(model.backend, BedrockBackend)
                for region in model.backend.regions
            }
        )
    )


def compare_with_bedrock(
    served: ServedModels,
    listed: Iterable[ListedModel],
    region: str,
    today: date,
    *,
    local: bool = False,
) -> tuple[ModelStanding, ...]:
    """Return the status of each of our models of Bedrock in the list of `region`.

    `local` says that it is the list of a local cloud, which only has models with a local
    replacement.
    """
    listed_by_id = {listed_model.model_id: listed_model for listed_model in listed}
    return tuple(
        _standing(model, model.backend, listed_by_id, region, today)
        for model in served.models.values()
        if isinstance(model.backend, BedrockBackend) and (model.local or not local)
    )


def unserved_ids(served: ServedModels, listed: Iterable[ListedModel]) -> tuple[str, ...]:
    """Return the ids on Bedrock's list, except legacy ones, that no model of ours has."""
    ours = {
        model.backend.model_id
        for model in served.models.values()
        if isinstance(model.backend, BedrockBackend)
    }
    return tuple(
        sorted(
            listed_model.model_id
            for listed_model in listed
            if listed_model.model_id not in ours and listed_model.status == "ACTIVE"
        )
    )


def _own(model: ServedModel, known: Catalogue) -> Iterator[ModelFinding]:
    if model.local:
        local = known.models.get(model.local)
        if local is None:
            yield ModelFinding("fault", model.name, f"local names no model: {model.local}")
        elif local.task != _LOCAL_TASKS.get(model.task):
            yield ModelFinding("fault", model.name, f"{model.local} is for {local.task}")
    if not isinstance(model.backend, BedrockBackend):
        return
    regions = set(model.backend.regions)
    for name, profile in model.backend.profiles.items():
        regions |= profile.regions
        if profile.id != f"{name}.{model.backend.model_id}":
            yield ModelFinding(
                "fault", model.name, f"profile {name} is of another model: {profile.id}"
            )
    if not regions:
        yield ModelFinding("fault", model.name, "it can be called from no region")
    for region in sorted(regions):
        if not _REGION.fullmatch(region):
            yield ModelFinding("fault", model.name, f"no region or area is called {region}")


def _endpoint(model: ServedModel) -> Iterator[ModelFinding]:
    """Yield faults by which calls to an endpoint would fail."""
    backend = model.backend
    if not isinstance(backend, EndpointBackend):
        return
    written = {"chat": {openai_chat.SCHEMA}, "embedding": {*embeddings.ENDPOINT_FORMATS}}
    if backend.schema not in written.get(model.task, set()):
        text = f"no body of an endpoint for {model.task} is called {backend.schema}"
        yield ModelFinding("fault", model.name, text)
    if backend.asynchronous and "streams" in model.abilities:
        yield ModelFinding("fault", model.name, "it is asynchronous, which does not stream")
    if backend.asynchronous and backend.weights_tenant:
        text = "it is asynchronous and has no variants, so nobody moves weights; leave out"
        yield ModelFinding("fault", model.name, f"{text} weights_tenant")


def _life(model: ServedModel, served: ServedModels, today: date) -> Iterator[ModelFinding]:
    ends = model.lifecycle.ends
    status = model.lifecycle.status_on(today)
    if status == "ended":
        yield ModelFinding("notice", model.name, f"it ended on {ends}")
    elif ends is not None and ends <= today + SOON:
        yield ModelFinding("notice", model.name, f"it ends on {ends}")
    for name in model.fallbacks:
        other = served.models[name]
        if status != "ended" and other.lifecycle.status_on(today) != "active":
            state = other.lifecycle.status_on(today)
            yield ModelFinding(
                "notice", model.name, f"its fallback {name} is {state}, and never asked"
            )


def _tasks(served: ServedModels, today: date) -> Iterator[ModelFinding]:
    """Yield a notice for each task whose last model of Bedrock ends soon, in the default region."""
    origin = CallRegion(DEFAULT_REGION)
    reached = [
        model
        for model in served.models.values()
        if isinstance(model.backend, BedrockBackend) and origin.route(model) is not None
    ]
    tasks = {
        model.task for model in served.models.values() if isinstance(model.backend, BedrockBackend)
    }
    for task in sorted(tasks):
        left = [
            model
            for model in reached
            if model.task == task and model.lifecycle.status_on(today + SOON) == "active"
        ]
        if not left:
            text = f"no model of Bedrock for it stays for {SOON.days} days in {DEFAULT_REGION}"
            yield ModelFinding("notice", task, text)


def _prices(model: ServedModel, known: Catalogue, today: date) -> Iterator[ModelFinding]:
    if not is_priced(model, known.prices):
        yield ModelFinding("notice", model.name, "it is not priced: it is asked by name only")
        return
    oldest = min(known.prices[unit].date for unit in price_units(model))
    if today - oldest > OLD_PRICE:
        yield ModelFinding("notice", model.name, f"its price is of {oldest}")


def _standing(
    model: ServedModel,
    backend: BedrockBackend,
    there: Mapping[str, ListedModel],
    region: str,
    today: date,
) -> ModelStanding:
    entry = there.get(backend.model_id)
    status = model.lifecycle.status_on(today)
    route = backend.route(region, "global")
    if entry is None:
        if status == "ended":
            return ModelStanding(model.name, backend.model_id, "ended")
        if route is None:
            return ModelStanding(model.name, backend.model_id, "elsewhere")
        return ModelStanding(model.name, backend.model_id, "missing", "it is not on Bedrock's list")
    if entry.ends is not None and entry.ends != model.lifecycle.ends:
        text = (
            f"Bedrock ends it on {entry.ends}; served.json says {model.lifecycle.ends or 'nothing'}"
        )
        return ModelStanding(model.name, backend.model_id, _STATES.get(entry.status, "there"), text)
    if entry.status == "LEGACY":
        text = "" if status == "legacy" else f"served.json says {status}"
        return ModelStanding(model.name, backend.model_id, "legacy", text)
    return ModelStanding(model.name, backend.model_id, "there", _difference(backend, entry, region))


def _difference(backend: BedrockBackend, found: ListedModel, region: str) -> str:
    """Return how our way to call a model differs from those that Bedrock names, or ""."""
    direct = backend.route(region, "region")
    if direct is not None and "ON_DEMAND" not in found.inference_types:
        return "served.json has its own id called, which Bedrock takes by profile only"
    if backend.route(region, "global") is None:
        return f"served.json does not have it called from {region}"
    return ""
