"""Turns pictures, or texts, into unit vectors of one space, by a model that the stage serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.ingest import spent
from chalicelib.contracts.looking import (
    EmbedDocumentRequest,
    EmbedDocumentResult,
    EmbedImageRequest,
    EmbedImageResult,
    PictureVector,
)
from chalicelib.inference.hot_swap import Models
from chalicelib.inference.seeing import hold_together
from chalicelib.inference.towers import Towers
from chalicelib.retrieval.ids import picture_key, reembedded_key, version_prefix

if TYPE_CHECKING:
    from chalicelib.ports import ObjectStore


@dataclass(frozen=True, slots=True)
class Deps:
    """What the function works with; `clock` gives seconds, from any start."""

    models: Models[Towers]
    clock: Callable[[], float]


def run(request: EmbedImageRequest, deps: Deps) -> EmbedImageResult:
    """Return one vector a picture or text, in order.

    Raises:
        Conflict: the stage serves no version of the model.
        InvalidInput: a picture cannot be read, or a text is empty or too long.
        ModelFailure: no version of the model can be opened, or it failed.
        Throttled, Transient: the model cannot be had now.
    """
    began = deps.clock()
    hold_together(request.images, "images")
    serving = deps.models.get(request.model)
    towers = serving.model
    vectors = [towers.picture(data, f"images.{at}") for at, data in enumerate(request.images)]
    tokens = 0
    for at, text in enumerate(request.texts):
        vector, count = towers.text(text, f"texts.{at}")
        vectors.append(vector)
        tokens += count
    return EmbedImageResult(
        vectors=tuple(tuple(vector.tolist()) for vector in vectors),
        version=serving.version.label,
        tokens=tokens,
        seconds=max(0.0, deps.clock() - began),
    )


def embed_document(
    request: EmbedDocumentRequest, objects: ObjectStore, memory_gb: float, deps: Deps
) -> EmbedDocumentResult:
    """Embed the document's `source` by the version that serves now, and write its vector.

    Raises as `run` does, and `NotFound` where the document is gone.
    """
    began = deps.clock()
    place = (request.tenant, request.document_id, request.version)
    serving = deps.models.get(request.picture_model)
    source = objects.read(request.bucket, version_prefix(*place) + "source")
    made = PictureVector(
        model=request.picture_model,
        embedded_by=serving.version.label,
        vector=tuple(serving.model.picture(source, "The picture").tolist()),
    )
    key = picture_key(*place)
    if request.job_id:
        key = reembedded_key(request.tenant, request.job_id, request.document_id)
    objects.write(request.bucket, key, made.model_dump_json().encode(), {})
    used = spent(deps.clock() - began, memory_gb)
    return EmbedDocumentResult(
        embedded_by=made.embedded_by, picture_embedding=used.model_copy(update={"images": 1})
    )
