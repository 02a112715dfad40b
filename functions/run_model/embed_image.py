"""Embed images and texts into one space, by a CLIP that the stage serves."""

from __future__ import annotations

from typing import Any

from chalicelib.contracts.ingest import spent
from chalicelib.contracts.vision import (
    EmbedDocumentRequest,
    EmbedDocumentResult,
    EmbedImageRequest,
    EmbedImageResult,
    PictureVector,
)
from chalicelib.inference import clip
from chalicelib.inference.clip import ClipModel
from chalicelib.inference.image_files import check_total_pixels
from chalicelib.retrieval.ids import picture_key, reembedded_key, version_prefix
from functions.run_model.deps import Deps

open_model = clip.open_model


def parse(event: dict[str, Any]) -> EmbedImageRequest | EmbedDocumentRequest:
    """Return the request of an event: images or texts, or a document that is an image."""
    if "document_id" in event:
        return EmbedDocumentRequest.model_validate(event)
    return EmbedImageRequest.model_validate(event)


def run(
    request: EmbedImageRequest | EmbedDocumentRequest, deps: Deps[ClipModel]
) -> EmbedImageResult | EmbedDocumentResult:
    """Return the vectors of images or texts, or write the vector of a document.

    Raises:
        Conflict: the stage serves no version of the model.
        InvalidInput: an image cannot be read, or a text is empty or too long.
        ModelFailure: no version of the model can be opened, or it failed.
        NotFound: the document is gone.
        Throttled, Transient: the model cannot be loaded now.
    """
    if isinstance(request, EmbedDocumentRequest):
        return embed_document(request, deps)
    return embed(request, deps)


def embed(request: EmbedImageRequest, deps: Deps[ClipModel]) -> EmbedImageResult:
    """Return one vector for each image or text, in order; raise as `run` does."""
    began = deps.monotonic()
    check_total_pixels(request.images, "images")
    # Never by a share of the callers: vectors of two versions cannot be compared.
    served = deps.models.get(request.model, variant=request.variant)
    model = served.model
    vectors = [model.embed_image(data, f"images.{n}") for n, data in enumerate(request.images)]
    tokens = 0
    for number, text in enumerate(request.texts):
        vector, count = model.embed_text(text, f"texts.{number}")
        vectors.append(vector)
        tokens += count
    return EmbedImageResult(
        vectors=tuple(tuple(vector.tolist()) for vector in vectors),
        version=served.version.label,
        tokens=tokens,
        seconds=deps.seconds_since(began),
    )


def embed_document(request: EmbedDocumentRequest, deps: Deps[ClipModel]) -> EmbedDocumentResult:
    """Embed the document's `source` by the version that serves now, and write its vector.

    The vector belongs to the document's version, or, with a `job_id`, to that job.
    Raises as `run` does.
    """
    began = deps.monotonic()
    version = (request.tenant, request.document_id, request.version)
    served = deps.models.get(request.picture_model)
    source = deps.objects.read(request.bucket, version_prefix(*version) + "source")
    vector = PictureVector(
        model=request.picture_model,
        embedded_by=served.version.label,
        vector=tuple(served.model.embed_image(source, "The picture").tolist()),
    )
    key = picture_key(*version)
    if request.job_id:
        key = reembedded_key(request.tenant, request.job_id, request.document_id)
    deps.objects.write(request.bucket, key, vector.model_dump_json().encode(), {})
    used = spent(deps.monotonic() - began, deps.memory_gb)
    return EmbedDocumentResult(
        embedded_by=vector.embedded_by, picture_embedding=used.model_copy(update={"images": 1})
    )
