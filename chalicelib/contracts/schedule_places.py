"""Where scheduled work reads from, and where its results go."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from chalicelib.contracts.base import HttpInput
from chalicelib.contracts.filters import Filter
from chalicelib.contracts.names import Collection, S3Uri
from chalicelib.contracts.search import Question

MAX_RESULTS = 4
MAX_SEARCHED = 100


class ObjectSource(HttpInput):
    """A file of calls at a fixed place, read anew by each run."""

    type: Literal["object"]
    uri: S3Uri


class PrefixSource(HttpInput):
    """Files of calls: every object under a prefix that is new or changed since the last run."""

    type: Literal["prefix"]
    uri: S3Uri


class DocumentsSource(HttpInput):
    """Documents of a collection, or of all: by a filter, and if `changed` only those that are new
    or changed since the last run that succeeded.
    """

    type: Literal["documents"]
    collection: Collection | None = None
    filter: Filter | None = None
    changed: bool = True


class SearchSource(HttpInput):
    """The documents that a search finds, the best first."""

    type: Literal["search"]
    query: Question
    collection: Collection | None = None
    filter: Filter | None = None
    limit: int = Field(default=20, ge=1, le=MAX_SEARCHED)


Source = Annotated[
    ObjectSource | PrefixSource | DocumentsSource | SearchSource, Field(discriminator="type")
]


class S3Destination(HttpInput):
    """Files of a run's results go under `uri`, into a folder of the run's own."""

    type: Literal["s3"]
    uri: S3Uri


class CollectionDestination(HttpInput):
    """Results become documents of a collection: one for each document that was selected."""

    type: Literal["collection"]
    collection: Collection


class WebhookDestination(HttpInput):
    """A webhook of the tenant hears of the run's end, whatever else it listens to."""

    type: Literal["webhook"]
    webhook_id: str = Field(min_length=1, max_length=64)


Destination = Annotated[
    S3Destination | CollectionDestination | WebhookDestination, Field(discriminator="type")
]
Destinations = Annotated[tuple[Destination, ...], Field(max_length=MAX_RESULTS)]
