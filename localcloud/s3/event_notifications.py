"""Events that S3 sends to EventBridge, and the thread that relays them from the outbox.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from localcloud.clock import iso
from localcloud.database import Database

PERMANENTLY_DELETED = "Permanently Deleted"
DELETE_MARKER_CREATED = "Delete Marker Created"


@dataclass(frozen=True, slots=True)
class ChangeCause:
    """The request that caused a change; `reason` is in S3's words, for example `PutObject`."""

    reason: str
    request_id: str
    requester: str
    source_ip: str


@dataclass(frozen=True, slots=True)
class ChangedObject:
    """The object version that an event is about.

    `version_id` is None in an unversioned bucket; `moment` is in seconds since 1970.
    """

    bucket: str
    key: str
    etag: str
    size: int
    version_id: str | None
    sequence: int
    moment: int


def object_created_event(subject: ChangedObject, cause: ChangeCause) -> dict[str, Any]:
    """Return an `Object Created` event for EventBridge."""
    detail = _detail(subject, cause)
    detail["object"]["size"] = subject.size
    return _event("Object Created", subject, detail)


def object_deleted_event(
    subject: ChangedObject, cause: ChangeCause, deletion_type: str
) -> dict[str, Any]:
    """Return an `Object Deleted` event; `deletion_type` is one of the constants above."""
    detail = _detail(subject, cause)
    detail["deletion-type"] = deletion_type
    return _event("Object Deleted", subject, detail)


def _detail(subject: ChangedObject, cause: ChangeCause) -> dict[str, Any]:
    about: dict[str, Any] = {"key": subject.key, "etag": subject.etag}
    if subject.version_id is not None:
        about["version-id"] = subject.version_id
    about["sequencer"] = f"{subject.sequence:018X}"
    return {
        "version": "0",
        "bucket": {"name": subject.bucket},
        "object": about,
        "request-id": cause.request_id,
        "requester": cause.requester,
        "source-ip-address": cause.source_ip,
        "reason": cause.reason,
    }


def _event(kind: str, subject: ChangedObject, detail: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "time": iso(subject.moment),
        "source": "aws.s3",
        "detail-type": kind,
        "resources": [f"arn:aws:s3:::{subject.bucket}"],
        "detail": detail,
    }


Publish = Callable[[dict[str, Any]], None]
"""Publishes an event to EventBridge; once it returns, the event is durable."""


_BATCH = 100


_MIN_PAUSE_S = 0.1


_MAX_PAUSE_S = 5.0


_log = logging.getLogger(__name__)


class EventRelay:
    """A thread that publishes the events of the outbox, oldest first, each at least once."""

    def __init__(self, database: Database, publish: Publish) -> None:
        self._database = database
        self._publish = publish
        self._work = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; it first publishes what an earlier process left."""
        self._stopping.clear()
        self._work.set()
        self._thread = threading.Thread(target=self._run, name="s3-event-relay", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread after the event that it is publishing."""
        self._stopping.set()
        self._work.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None

    def wake(self) -> None:
        """Notify the thread that the outbox has a new event."""
        self._work.set()

    def _run(self) -> None:
        pause = _MIN_PAUSE_S
        while not self._stopping.is_set():
            self._work.wait()
            self._work.clear()
            if self._drain_outbox():
                pause = _MIN_PAUSE_S
                continue
            self._stopping.wait(pause)
            pause = min(pause * 2, _MAX_PAUSE_S)
            self._work.set()

    def _drain_outbox(self) -> bool:
        """Publish until the outbox is empty; return False if EventBridge refused an event."""
        while not self._stopping.is_set():
            rows = self._database.read(
                "SELECT sequence, event FROM outbox ORDER BY sequence LIMIT ?", _BATCH
            )
            if not rows:
                return True
            for row in rows:
                if self._stopping.is_set():
                    return True
                try:
                    self._publish(json.loads(row["event"]))
                except Exception:  # noqa: BLE001 - whatever failed, the event must be kept
                    _log.exception("EventBridge did not take an S3 event; trying again")
                    return False
                self._database.write("DELETE FROM outbox WHERE sequence = ?", row["sequence"])
        return True
