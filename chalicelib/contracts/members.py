"""The members of a container: one line each of `members.jsonl`, beside the container's pages."""

from __future__ import annotations

from chalicelib.contracts.base import Contract


class Member(Contract):
    """A file of an archive or a mail, which is the document `document_id` at `path`."""

    document_id: str
    path: str
