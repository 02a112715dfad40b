"""Collections: what is declared of them, and what is in them."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import Contract, HttpInput
from chalicelib.contracts.filters import FieldType
from chalicelib.contracts.metadata import NAMES_SCHEMA
from chalicelib.contracts.names import ExtractorReference
from chalicelib.contracts.serving import ServingName

MAX_DESCRIPTION = 500


class PutCollectionRequest(HttpInput):
    """`PUT /v1/collections/{name}`: replaces what was declared before."""

    description: str = Field("", max_length=MAX_DESCRIPTION)
    fields: dict[str, FieldType] = Field(default_factory=dict, json_schema_extra=dict(NAMES_SCHEMA))
    """The type of the values of each name."""
    strict: bool = False
    """Whether metadata may only have the fields that are declared."""
    picture_model: ServingName | None = None
    """The served model that pictures are searched by, of those that embed pictures; None searches
    them by what is seen in them."""
    transcriber: ServingName | None = None
    """The served model that recordings are transcribed by, of those that transcribe; None for the
    default, Whisper in a function."""
    extractor: ExtractorReference | None = None
    """The saved extractor that each document is extracted by once it is ready: `NAME` for its
    newest version then, or `NAME@VERSION`; None for none."""


class Declaration(Contract):
    """A declared collection, as it is stored."""

    name: str
    description: str = ""
    fields: dict[str, FieldType] = Field(default_factory=dict)
    strict: bool = False
    picture_model: str | None = None
    transcriber: str | None = None
    extractor: str | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime


class CollectionTally(Contract):
    """The content of a collection, in numbers.

    A document counts under its status, which is that of its newest upload; pages, chunks and bytes
    are of the versions that answer.
    """

    documents: dict[str, int] = Field(default_factory=dict)
    pages: int = 0
    chunks: int = 0
    bytes: int = 0


class CollectionView(Contract):
    """A collection: declared, or only there because documents are in it.

    `partial` says that the tenant has more documents than were looked at, so that there may be
    more in it.
    """

    name: str
    description: str = ""
    fields: dict[str, FieldType] = Field(default_factory=dict)
    strict: bool = False
    picture_model: str | None = None
    transcriber: str | None = None
    extractor: str | None = None
    declared: bool = False
    tally: CollectionTally = Field(default_factory=CollectionTally)
    partial: bool = False
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None


class CollectionList(Contract):
    """All collections by name; `partial` as for one."""

    items: tuple[CollectionView, ...]
    partial: bool


@dataclass(frozen=True, slots=True)
class DocumentUsage:
    """The counted fields of a document: its status, and the size of its answering version."""

    collection: str
    status: str
    pages: int = 0
    chunks: int = 0
    bytes: int = 0
