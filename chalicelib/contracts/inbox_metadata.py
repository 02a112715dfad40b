"""User metadata of objects in the inbox, and the members of containers.

A file of an archive or a mail is put into the inbox with `container` and `depth`. Whoever may
put objects may write any of it, so what is read is checked.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.metadata import Metadata, decode_metadata, encode_metadata
from chalicelib.errors import InvalidInput

CORRELATION = "correlation-id"
METADATA = "metadata"
CONTAINER = "container"
DEPTH = "depth"

_DOCUMENT = re.compile(r"doc_[a-z0-9]{24}")
_DEPTH = re.compile(r"[0-9]{1,2}")


@dataclass(frozen=True, slots=True)
class InboxMetadata:
    """The correlation id of the request that asked for the upload, "" where none did; the
    user's metadata; and the document that the file came in, at what depth.
    """

    correlation_id: str = ""
    metadata: Metadata = field(default_factory=dict)
    container: str = ""
    depth: int = 0

    def written(self) -> dict[str, str]:
        """Return it as user metadata."""
        carried = {}
        if self.correlation_id:
            carried[CORRELATION] = self.correlation_id
        if self.metadata:
            carried[METADATA] = encode_metadata(self.metadata)
        if self.container:
            carried |= {CONTAINER: self.container, DEPTH: str(self.depth)}
        return carried


def read_inbox_metadata(given: Mapping[str, str]) -> InboxMetadata:
    """Return what an object carries.

    Raises:
        InvalidInput: a part of it is malformed or over a limit; it says which.
    """
    container, depth = given.get(CONTAINER, ""), given.get(DEPTH, "0")
    if container and not _DOCUMENT.fullmatch(container):
        raise InvalidInput("container is no document's id.", field=CONTAINER)
    if not _DEPTH.fullmatch(depth):
        raise InvalidInput("depth is no number of containers.", field=DEPTH)
    metadata = decode_metadata(given[METADATA]) if given.get(METADATA) else {}
    return InboxMetadata(given.get(CORRELATION, ""), metadata, container, int(depth))


class Member(Contract):
    """A file of an archive or a mail, which is the document `document_id` at `path`."""

    document_id: str
    path: str
