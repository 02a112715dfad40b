"""Inputs and outputs of functions that read pictures with models that the stage trained."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Base64Bytes, Field, model_validator

from chalicelib.contracts.base import Contract
from chalicelib.contracts.generations import (
    LEAST_LABELS,
    MAX_LABELS,
    MAX_PICTURES,
    MAX_TEMPLATES,
    Label,
    Template,
)
from chalicelib.contracts.ingest import Spent
from chalicelib.contracts.serving import ServedModelRequest, ServingName

MAX_BYTES = 4 * 1024 * 1024
"""Of all pictures of one invocation: what goes into it, 6 MB, as base64."""
MAX_TEXTS_AT_ONCE = 64
"""Texts that are embedded by one invocation."""


class EmbedImageRequest(ServedModelRequest):
    """Pictures or texts to be embedded by the model that the stage serves as `model`."""

    images: tuple[Base64Bytes, ...] = Field(default=(), max_length=MAX_PICTURES)
    texts: tuple[str, ...] = Field(default=(), max_length=MAX_TEXTS_AT_ONCE)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if bool(self.images) == bool(self.texts):
            raise ValueError("give images or texts, and not both")
        return self


class EmbedImageResult(Contract):
    """A vector of length 1 for each picture or text, in order, all in one space; the version that
    made them, how many tokens texts had, and how many seconds it took.
    """

    vectors: tuple[tuple[float, ...], ...]
    version: str
    tokens: Annotated[int, Field(ge=0)] = 0
    seconds: float = Field(ge=0)


class EmbedDocumentRequest(Contract):
    """The input of `embed_image` for a document: whose `source` is the picture, and which model
    its collection is searched by. A `job_id` names the job that has it embedded again.
    """

    tenant: str
    document_id: str
    version: str
    bucket: str
    picture_model: ServingName
    job_id: str = ""
    correlation_id: str


class EmbedDocumentResult(Contract):
    """The output of `embed_image` for a document: which version made its vector, and what that
    took.
    """

    embedded_by: str
    picture_embedding: Spent


class PictureVector(Contract):
    """The vector of a document's picture, of length 1, and whose it is, as `picture.json` has it
    from the document's arrival, or a file of the job that had it embedded again.
    """

    model: ServingName
    embedded_by: str
    vector: tuple[float, ...] = Field(min_length=1)


class ClassifyImageRequest(ServedModelRequest):
    """Pictures whose classes are to be told by the model that the stage serves as `model`. The
    templates are the model's own where there are none.
    """

    images: tuple[Base64Bytes, ...] = Field(min_length=1, max_length=MAX_PICTURES)
    labels: tuple[Label, ...] = Field(min_length=LEAST_LABELS, max_length=MAX_LABELS)
    templates: tuple[Template, ...] = Field(default=(), max_length=MAX_TEMPLATES)


class ClassifyImageResult(Contract):
    """For each picture, in order, how likely each label is of it, in their order, together 1; the
    version that told, how many tokens labels and templates had, and how many seconds it took.
    """

    shares: tuple[tuple[float, ...], ...]
    version: str
    tokens: Annotated[int, Field(ge=0)]
    seconds: float = Field(ge=0)


class CaptionImageRequest(ServedModelRequest):
    """A picture to be captioned by the model that the stage serves as `model`."""

    image: Base64Bytes
    max_tokens: int = Field(default=64, ge=1)


class ImageShot(Contract):
    """A picture with its answer, which shows what is asked."""

    image: Base64Bytes
    answer: str


class AnswerImageRequest(ServedModelRequest):
    """A picture, and what is asked of it: by a question, or by others with their answers, as the
    model takes that the stage serves as `model`. A caption, where nothing is asked.
    """

    image: Base64Bytes
    question: str = ""
    shots: tuple[ImageShot, ...] = Field(default=(), max_length=MAX_PICTURES)
    max_tokens: int = Field(default=64, ge=1)


class ImageTextResult(Contract):
    """The text about a picture, and whether it ended or was cut off; the version that wrote it,
    how many tokens it read, vectors of pictures among them, and wrote, and how many seconds it
    took.
    """

    text: str
    finish: Literal["stop", "length"]
    version: str
    tokens_in: Annotated[int, Field(ge=0)]
    tokens_out: Annotated[int, Field(ge=0)]
    seconds: float = Field(ge=0)
