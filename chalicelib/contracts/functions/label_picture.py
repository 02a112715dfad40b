"""Input and output of the function `label_picture`, for a document and for a query."""

from __future__ import annotations

from pydantic import Base64Bytes, Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.ingest import Spent, nothing_spent
from chalicelib.contracts.picture_labels import Label, PictureType


class LabelDocumentRequest(Contract):
    """The input of `label_picture` for a document: whose `source` is the picture."""

    tenant: str
    document_id: str
    version: str
    path: str
    bucket: str
    correlation_id: str


class LabelDocumentResult(Contract):
    """The output of `label_picture` for a document: what it wrote, and what is to be read.

    `chunks.jsonl` has the one passage of what is seen, which is all that is searched of a picture
    without text. `recognise` numbers the `pages` on which text is to be looked for. Nothing was
    spent on cutting.
    """

    chunks: int = Field(ge=1)
    pages: int = Field(default=1, ge=1)
    recognise: tuple[int, ...] = ()
    characters: int = Field(ge=1)
    notices: tuple[str, ...] = ()
    labelling: Spent
    chunking: Spent = Field(default_factory=nothing_spent)


class LabelPictureRequest(Contract):
    """The input of `label_picture` for a query: a picture by its bytes."""

    data: Base64Bytes
    correlation_id: str = ""


class LabelPictureResult(Contract):
    """The output of `label_picture` for a query: what is seen, the likeliest first."""

    media_type: PictureType
    labels: tuple[Label, ...] = Field(min_length=1)
    model: str
    seconds: float = Field(ge=0)
