"""Parse an upload form (multipart/form-data): the fields, then the file as a stream."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import (
    Data,
    Epilogue,
    Event,
    Field,
    File,
    MultipartDecoder,
    NeedData,
)

from localcloud.errors import AwsError
from localcloud.s3.request_body.streams import ByteStream

_READ = 64 * 1024
_FIELDS_LIMIT = 20 * 1024
_END = (Epilogue, NeedData)


@dataclass(slots=True)
class UploadForm:
    """The fields before the file, by lower-case name, and the file."""

    fields: dict[str, str] = field(default_factory=dict)
    filename: str = ""
    content_type: str = ""
    file: FormFile | None = None


class FormFile:
    """The file of an upload form as a stream."""

    def __init__(self, events: _Events) -> None:
        self._events = events
        self._finished = False

    def read(self, size: int, /) -> bytes:
        """Return the next chunk, of any size; empty at the end."""
        while not self._finished:
            event = self._events.next()
            if not isinstance(event, Data):
                raise _malformed_form()
            self._finished = not event.more_data
            if event.data:
                return bytes(event.data)
        return b""


class _Events:
    """The events of the multipart decoder, which reads from the socket on demand."""

    def __init__(self, source: ByteStream, boundary: bytes) -> None:
        self._source = source
        self._decoder = MultipartDecoder(boundary)
        self._ready: deque[Event] = deque()

    def next(self) -> Event:
        while True:
            try:
                event = self._decoder.next_event()
                if not isinstance(event, NeedData):
                    return event
                self._decoder.receive_data(self._source.read(_READ) or None)
            except ValueError as error:
                raise _malformed_form() from error


def read_form(source: ByteStream, content_type: str) -> UploadForm:
    """Parse the fields up to the file; they may have 20 KiB in all."""
    kind, options = parse_options_header(content_type)
    if kind != "multipart/form-data" or "boundary" not in options:
        raise AwsError(
            "PreconditionFailed",
            "Bucket POST must be of the enclosure-type multipart/form-data",
            412,
        )
    events = _Events(source, options["boundary"].encode("latin-1"))
    form = UploadForm()
    total = 0
    while True:
        event = events.next()
        if isinstance(event, File) or (isinstance(event, Field) and event.name == "file"):
            form.filename = event.filename if isinstance(event, File) else ""
            form.content_type = event.headers.get("Content-Type", "")
            form.file = FormFile(events)
            return form
        if isinstance(event, Field):
            value = _field_value(events, _FIELDS_LIMIT - total)
            total += len(value)
            form.fields[event.name.lower()] = value.decode("utf-8", "replace")
        elif isinstance(event, _END):
            raise AwsError("InvalidArgument", "POST requires exactly one file upload per request.")


def _field_value(events: _Events, limit: int) -> bytes:
    value = bytearray()
    while True:
        event = events.next()
        if not isinstance(event, Data):
            raise _malformed_form()
        value += event.data
        if len(value) > limit:
            raise AwsError(
                "MaxPostPreDataLengthExceeded",
                "Your POST request fields preceding the upload file were too large.",
            )
        if not event.more_data:
            return bytes(value)


def _malformed_form() -> AwsError:
    return AwsError(
        "MalformedPOSTRequest",
        "The body of your POST request is not well-formed multipart/form-data.",
    )
