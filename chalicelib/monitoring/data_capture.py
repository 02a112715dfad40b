"""Captured calls in the format of SageMaker's data capture, written and read.

A line of JSON a call, in files under `{endpoint}/{variant}/{yyyy}/{mm}/{dd}/{hh}/`: the subject is
the endpoint, and its version the variant. What the format has no field for is in
`customAttributes` as `headrace={JSON}`; lines of SageMaker's own endpoints have none, and are read
by what they have.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC
from typing import Any, Literal

from pydantic import AwareDatetime, Field, ValidationError

from chalicelib.contracts.base import Contract
from chalicelib.contracts.captures import DEFAULT_VERSION, CapturedCall, CaptureSubject
from chalicelib.errors import InvalidInput
from chalicelib.jobs.ulids import ulid_of
from chalicelib.retrieval.text.language import detect_language

EVENT_VERSION = "0"
_OURS = "headrace="
_OTHERS = {"id", "subject", "version", "created_at", "input", "output"}
_PARTITION = re.compile(r"(?:^|/)([^/]+)/([^/]+)/\d{4}/\d{2}/\d{2}/\d{2}/[^/]+$")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
Encoding = Literal["JSON", "CSV", "BASE64", "NONE"]


class CapturedPayload(Contract):
    """What an endpoint was sent, or answered."""

    observedContentType: str = "application/json"  # noqa: N815 - the format's own names
    mode: Literal["INPUT", "OUTPUT"]
    data: str
    encoding: Encoding = "NONE"


class CaptureData(Contract):
    """Both sides of a call; a side that is not captured is missing."""

    endpointInput: CapturedPayload | None = None  # noqa: N815
    endpointOutput: CapturedPayload | None = None  # noqa: N815


class CaptureEvent(Contract):
    """Which call it was, and when."""

    eventId: str  # noqa: N815
    inferenceTime: AwareDatetime  # noqa: N815
    customAttributes: tuple[str, ...] = ()  # noqa: N815


class CaptureLine(Contract):
    """One line of a file of data capture."""

    captureData: CaptureData  # noqa: N815
    eventMetadata: CaptureEvent  # noqa: N815
    eventVersion: str = Field(default=EVENT_VERSION)  # noqa: N815


def capture_files(calls: Iterable[CapturedCall], name: str) -> dict[str, bytes]:
    """Return the files of calls by their keys: one an hour, endpoint and variant, called `name`."""
    lines: dict[str, list[str]] = {}
    for call in calls:
        at = call.created_at.astimezone(UTC)
        subject = _safe(f"{call.subject.kind}-{call.subject.name}")
        key = f"{subject}/{_safe(call.version or DEFAULT_VERSION)}/{at:%Y/%m/%d/%H}/{name}.jsonl"
        lines.setdefault(key, []).append(_line(call))
    return {key: ("\n".join(each) + "\n").encode() for key, each in sorted(lines.items())}


def read_capture_file(body: bytes, key: str, subject: CaptureSubject) -> Iterator[CapturedCall]:
    """Yield the calls of a file of data capture, as those of `subject`.

    The variant in its `key` is their version, or `default` if the key is not of the layout.

    Raises:
        InvalidInput: a line is not in the format; the message names the file and the line.
    """
    found = _PARTITION.search(key)
    version = found[2] if found is not None else DEFAULT_VERSION
    for number, line in enumerate(body.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield _call(CaptureLine.model_validate_json(line), version, subject)
        except (ValidationError, binascii.Error, UnicodeDecodeError) as error:
            raise InvalidInput(
                f"Line {number} of {key} is not one of SageMaker's data capture: it needs"
                " captureData, and eventMetadata with eventId and inferenceTime.",
                field="work.source",
            ) from error


def _line(call: CapturedCall) -> str:
    ours = call.model_dump(mode="json", exclude=_OTHERS, exclude_defaults=True)
    made = CaptureLine(
        captureData=CaptureData(
            endpointInput=_payload("INPUT", call.input, "application/json", "JSON"),
            endpointOutput=_payload("OUTPUT", call.output, "text/plain", "NONE"),
        ),
        eventMetadata=CaptureEvent(
            eventId=call.id,
            inferenceTime=call.created_at,
            customAttributes=(_OURS + json.dumps(ours, separators=(",", ":")),),
        ),
    )
    return made.model_dump_json(exclude_none=True)


def _payload(
    mode: Literal["INPUT", "OUTPUT"], data: str | None, content: str, encoding: Encoding
) -> CapturedPayload | None:
    if data is None:
        return None
    return CapturedPayload(observedContentType=content, mode=mode, data=data, encoding=encoding)


def _call(line: CaptureLine, version: str, subject: CaptureSubject) -> CapturedCall:
    event = line.eventMetadata
    given, answer = _text(line.captureData.endpointInput), _text(line.captureData.endpointOutput)
    measured: Mapping[str, Any] = {
        "input_characters": len(given or ""),
        "output_characters": len(answer or ""),
        "language": detect_language((given or "")[:2_000]),
    }
    ours = [each for each in event.customAttributes if each.startswith(_OURS)]
    if ours:
        try:
            measured = json.loads(ours[0].removeprefix(_OURS))
        except json.JSONDecodeError as error:
            raise InvalidInput(
                f"customAttributes of {event.eventId} are not JSON behind headrace=.",
                field="work.source",
            ) from error
    return CapturedCall.model_validate(
        {
            **measured,
            "id": ulid_of(event.inferenceTime, event.eventId),
            "subject": subject,
            "version": version,
            "created_at": event.inferenceTime,
            "input": given if ours else _as_prompt(given),
            "output": answer,
        }
    )


def _text(payload: CapturedPayload | None) -> str | None:
    if payload is None:
        return None
    if payload.encoding == "BASE64":
        return base64.b64decode(payload.data, validate=True).decode()
    return payload.data


def _as_prompt(text: str | None) -> str | None:
    """Return what an endpoint was sent as a request that features are read of."""
    if text is None:
        return None
    return json.dumps({"call": {"prompt": text}, "variables": {"input": text}, "question": text})


def _safe(name: str) -> str:
    return _UNSAFE.sub("-", name).strip("-") or DEFAULT_VERSION
