"""What a version has to be to answer as a name: of its recipe, for all tenants, and opened here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.contracts.model_manifest import Signature
from chalicelib.contracts.serving import ServedVersion
from chalicelib.errors import HeadraceError
from chalicelib.generation.added_models import Entry
from chalicelib.generation.model_file import parse_model, served_models
from chalicelib.generation.models import FunctionBackend
from chalicelib.inference import (
    blip2,
    clip,
    flamingo,
    image_generator,
    reward_model,
    text_labels,
    text_models,
    tuned_embedder,
)
from chalicelib.inference.exported_model import ExportedModel
from infra.models import approval
from infra.models.registry import APPROVED, RegisteredVersion, Registry, VersionNotFoundError
from infra.models.served_embedders import EMBEDS_TEXTS
from infra.models.version_files import ServingError

OPENED_BY: Mapping[str, Callable[[ExportedModel], object]] = {
    "answer_image": flamingo.open_image_text_model,
    "caption_image": blip2.open_model,
    "classify_image": clip.open_model,
    "complete_text": text_models.open_model,
    "embed_image": clip.open_model,
    EMBEDS_TEXTS: tuned_embedder.open_model,
    "generate_image": image_generator.open_model,
    "label_text": text_labels.open_model,
    "score_answer": reward_model.open_model,
}
"""How each function that answers by what a stage trained opens a model."""
FOR_ALL_TENANTS = "--for-all-tenants"
"""The option by which what learned from one tenant's data answers all."""


def backend_of(name: str, entry: Entry | None) -> FunctionBackend:
    """Return the backend of a trained model, by its entry if an operator named it."""
    if entry is None:
        return trained_backends()[name]
    backend = parse_model(entry).backend
    assert isinstance(backend, FunctionBackend), "trained models run in functions"
    return backend


def trained_backends() -> dict[str, FunctionBackend]:
    """Return the backends of all models that a stage trains, by name."""
    return {
        model.name: model.backend
        for model in served_models().models.values()
        if isinstance(model.backend, FunctionBackend) and model.backend.recipes
    }


def require_tenants(
    version: RegisteredVersion, signature: Signature, *, for_all_tenants: bool
) -> None:
    """Raise ServingError if what one tenant's data taught would answer others, unless they may."""
    tenant = signature.origin.tenant
    if tenant and not for_all_tenants:
        raise ServingError(
            f"{version.name} learned from data of the tenant {tenant}, and would answer every "
            "tenant of the stage: a model can repeat what it learned. If all may be answered by "
            f"it, give {FOR_ALL_TENANTS}."
        )


def require_fit(
    name: str, backend: FunctionBackend, version: RegisteredVersion, signature: Signature
) -> None:
    """Raise ServingError if a version is of another recipe than the served name."""
    recipe = signature.origin.recipe
    if recipe not in backend.recipes:
        raise ServingError(
            f"{version.name} is of the recipe {recipe}, and {name} is served by"
            f" {' or '.join(backend.recipes)}."
        )


def try_model(
    opened: Callable[[ExportedModel], Any], fetch: Callable[[str], bytes], version: ServedVersion
) -> None:
    """Raise ServingError if the function could not answer by this model."""
    try:
        exported = ExportedModel.read(fetch, version.signature)
        opened(exported.base() if version.base_only else exported)
    except HeadraceError as error:
        raise ServingError(f"{version.label} does not answer: {error.message}") from error


def may_go_on(registry: Registry, before: ServedVersion) -> bool:
    """Return whether the version that served may serve again where the new one fails.

    One that was rejected or removed since may not. One that an operator serves although it is not
    approved may, unless it was rejected.
    """
    try:
        status = registry.version(before.arn).status
    except VersionNotFoundError:
        return False
    return status == APPROVED or (bool(before.unapproved) and status != approval.REJECTED)
