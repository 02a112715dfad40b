"""Delivery of answers: as files in S3, and as documents of a collection.

A document is written with the id of the run in its metadata, and one that has it is left alone, so
that a repeated step uploads nothing twice.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from chalicelib.contracts.inbox_metadata import InboxMetadata
from chalicelib.contracts.jsonl import whole_lines
from chalicelib.contracts.metadata import MAX_TEXT, Metadata, check_metadata
from chalicelib.contracts.names import MAX_PATH_CHARACTERS
from chalicelib.errors import InvalidInput, NotFound
from chalicelib.retrieval.ids import MAX_PATH_BYTES, InboxPlace
from functions.run_schedule.history import SelectedDocument
from functions.run_schedule.selection import SCHEDULE

if TYPE_CHECKING:
    from chalicelib.contracts.collections import Declaration
    from chalicelib.contracts.objects import LargeObjects
    from functions.run_schedule.kind import Run

SUFFIX = ".md"
HASH_CHARACTERS = 16
SOURCE_PATH, SOURCE_DOCUMENT, RUN = "source_path", "source_document", "run"
MAX_TAG_ITEMS = 20
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")
_NO_NAME = re.compile(r"[^a-z0-9_]+")
_FLAT = re.compile(r"[^\n]{1,256}")


@dataclass(frozen=True, slots=True)
class AnsweredItem:
    """One line of `results.jsonl`: the id of an item, and its text, None if it has none."""

    id: str
    text: str | None


def read_results(pieces: Iterable[bytes]) -> Iterator[AnsweredItem]:
    """Yield the answers of a batch, of our own form or OpenAI's."""
    for line in whole_lines(pieces):
        fields = json.loads(line)
        yield AnsweredItem(fields.get("custom_id", fields.get("id", "")), _text(fields))


def _text(fields: Mapping[str, Any]) -> str | None:
    if "generation" in fields:
        text = fields["generation"].get("output", {}).get("text")
    else:
        body = (fields.get("response") or {}).get("body", {})
        choices = body.get("choices") or [{}]
        text = choices[0].get("message", {}).get("content")
    return text if isinstance(text, str) else None


def failed_ids(pieces: Iterable[bytes]) -> set[str]:
    """Return the ids of the lines of `errors.jsonl`."""
    lines = map(json.loads, whole_lines(pieces))
    return {fields.get("custom_id", fields.get("id", "")) for fields in lines}


def first_reason(pieces: Iterable[bytes]) -> str:
    """Return why the first item failed, "" if none did."""
    for line in islice(whole_lines(pieces), 1):
        fields = json.loads(line)
        error = fields.get("error") or (fields.get("response") or {}).get("body", {}).get("error")
        if isinstance(error, dict):
            return f"{error.get('type') or error.get('code')}: {error.get('message', '')}"
    return ""


@dataclass(frozen=True, slots=True)
class AnswerDocument:
    """A document that an answer becomes: its text, and its metadata beside ours."""

    text: str
    tags: Mapping[str, object] = field(default_factory=dict)


def answer_document(text: str, *, has_schema: bool) -> AnswerDocument:
    """Return the document of an answer.

    If the prompt has a schema and the answer is an object, its texts are sections of the document,
    and its numbers, booleans and lists of short texts are metadata. So is a text of one short line,
    which is also a section.
    """
    fields = _object(text) if has_schema else None
    if fields is None:
        return AnswerDocument(text)
    texts = {name: value for name, value in fields.items() if isinstance(value, str) and value}
    sections = [f"## {name}\n\n{value}" for name, value in texts.items()]
    if len(texts) == 1:
        sections = list(texts.values())
    tags = {_name(name): _tag(value) for name, value in fields.items()}
    return AnswerDocument(
        "\n\n".join(sections) or text, {name: tag for name, tag in tags.items() if tag is not None}
    )


def _object(text: str) -> dict[str, Any] | None:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _tag(value: object) -> object:
    """Return a value as metadata, None if it cannot be."""
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT // 4 and _FLAT.fullmatch(value) else None
    if isinstance(value, list) and 1 <= len(value) <= MAX_TAG_ITEMS:
        are_short = all(isinstance(each, str) and _FLAT.fullmatch(each) for each in value)
        return value if are_short else None
    return None


def _name(name: str) -> str:
    return _NO_NAME.sub("_", name.lower()).strip("_")[:40]


@dataclass(frozen=True, slots=True)
class DocumentWriter:
    """Writes answers as documents of one collection.

    `is_source_apart` puts the name of the source's collection into the path, since two collections
    may have the same paths.
    """

    run: Run
    objects: LargeObjects
    collection: str
    declared: Declaration | None
    has_schema: bool
    is_source_apart: bool

    def write(self, answer: AnsweredItem, source: SelectedDocument | None) -> str:
        """Write one answer, unless the run wrote it before; return the path of the document."""
        document = answer_document(answer.text or "", has_schema=self.has_schema)
        path = self._path(answer.id, source)
        place = InboxPlace(self.run.tenant, self.collection, path)
        correlation_id = (source.correlation_id if source else "") or self.run.correlation_id
        metadata = self._metadata(answer.id, source, document.tags)
        carried = InboxMetadata(correlation_id, metadata).written()
        if self._carried(place.key) != carried:
            self.objects.write(self.run.bucket, place.key, document.text.encode(), carried)
        return f"{self.collection}/{path}"

    def _carried(self, key: str) -> Mapping[str, str]:
        try:
            return dict(self.objects.metadata(self.run.bucket, key))
        except NotFound:
            return {}

    def _path(self, id_: str, source: SelectedDocument | None) -> str:
        parts = [self.run.order.schedule]
        if source is not None and self.is_source_apart:
            parts.append(source.collection)
        return document_path("/".join(parts), source.path if source else id_)

    def _metadata(
        self, id_: str, source: SelectedDocument | None, tags: Mapping[str, object]
    ) -> Metadata:
        """Return our names, and those tags that metadata and the collection have room for."""
        document_id, path = (source.document_id, source.path) if source else ("", id_)
        metadata = own = own_metadata(self.run, document_id, path)
        for name, value in tags.items():
            if name not in own:
                metadata = _with_tag(metadata, name, value, self.declared)
        return metadata


def own_metadata(run: Run, document_id: str, path: str) -> Metadata:
    """Return the metadata of each document that a run writes, whatever the answer is."""
    own: dict[str, Any] = {SCHEDULE: run.order.schedule, RUN: run.job_id, SOURCE_PATH: _short(path)}
    if document_id:
        own[SOURCE_DOCUMENT] = document_id
    return own


def check_collection_takes(run: Run, declared: Declaration | None, collection: str) -> None:
    """Raise `InvalidInput` if a collection takes no documents with the metadata of ours."""
    from chalicelib.retrieval.search.filters import check_metadata_declared

    try:
        check_metadata_declared(own_metadata(run, "doc", "path"), declared)
    except InvalidInput as error:
        raise InvalidInput(
            f"The collection {collection} takes no results of schedules: {error.message} Declare"
            f" {SCHEDULE}, {RUN}, {SOURCE_PATH} and {SOURCE_DOCUMENT} as strings.",
            field="work.results",
        ) from error


def _with_tag(
    metadata: Metadata, name: str, value: object, declared: Declaration | None
) -> Metadata:
    """Return `metadata` with one more name, or as it is where that is not possible."""
    from chalicelib.retrieval.search.filters import check_metadata_declared

    try:
        more = check_metadata({**metadata, name: value})
        check_metadata_declared(more, declared)
    except InvalidInput:
        return metadata
    return more


def _short(path: str) -> str:
    return path if len(path) <= MAX_TEXT else "…" + path[1 - MAX_TEXT :]


def document_path(folder: str, path: str) -> str:
    """Return the path of an answer, which is that of its source in a folder of the schedule.

    A path that would be too long, or that has to be changed, ends in a hash that keeps it apart.
    """
    safe = _UNSAFE.sub("_", path).strip("/") or "_"
    whole = f"{folder}/{safe}{SUFFIX}"
    if safe == path and len(whole) <= MAX_PATH_CHARACTERS and len(whole.encode()) <= MAX_PATH_BYTES:
        return whole
    digest = hashlib.sha256(path.encode()).hexdigest()[:HASH_CHARACTERS]
    room = MAX_PATH_CHARACTERS - len(folder) - len(digest) - len(SUFFIX) - 2
    while len(safe) > room or len(f"{folder}/{safe}-{digest}{SUFFIX}".encode()) > MAX_PATH_BYTES:
        safe = safe[1:]
    return f"{folder}/{safe.strip('/')}-{digest}{SUFFIX}"


def pair_with_sources(
    answers: Iterable[AnsweredItem], selected: Iterator[SelectedDocument]
) -> Iterator[tuple[AnsweredItem, SelectedDocument | None]]:
    """Yield each answer with the document that it is about; both come in the order of the lines."""
    for answer in answers:
        source = next((each for each in selected if each.document_id == answer.id), None)
        yield answer, source
