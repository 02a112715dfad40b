"""Notifications of a bucket to queues, functions and topics: configuration, filters, messages.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any
from urllib.parse import quote_plus
from xml.etree import ElementTree

from localcloud.clock import utc
from localcloud.errors import AwsError
from localcloud.s3.errors import malformed_xml, not_implemented, unsupported_element
from localcloud.s3.event_notifications import ChangeCause, ChangedObject
from localcloud.s3.xml_format import Node, child_text, parse_xml

EVENTBRIDGE = "EventBridgeConfiguration"
KIND = "BucketNotification"
"""The kind of the configuration among those of a bucket."""
NOTIFIED = "notified"
"""The member of an outbox row that holds the ARN of a notification's target."""
REMOVED, MARKER_CREATED = "ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated"

_CREATED = {
    "PutObject": "ObjectCreated:Put",
    "POST Object": "ObjectCreated:Post",
    "CopyObject": "ObjectCreated:Copy",
    "CompleteMultipartUpload": "ObjectCreated:CompleteMultipartUpload",
}
_EVENTS = frozenset({*_CREATED.values(), REMOVED, MARKER_CREATED})
_KINDS = frozenset(event.partition(":")[0] for event in _EVENTS)
_TARGETS = {"Queue": "sqs", "Topic": "sns", "CloudFunction": "lambda"}
"""The service of a target by the first word of its configuration's element."""
_MAX_CONFIGURATIONS = 100


@dataclass(frozen=True, slots=True)
class BucketNotification:
    """A target, and the events and keys of which it is told."""

    id: str
    element: str
    target_arn: str
    events: Sequence[str]
    prefix: str = ""
    suffix: str = ""

    @property
    def service(self) -> str:
        """Return the service of the target."""
        return _TARGETS[self.element]

    def matches(self, event: str, key: str) -> bool:
        """Return whether the target is told of `event`, without `s3:`, of the object `key`."""
        kinds = {event, f"{event.partition(':')[0]}:*"}
        return (
            bool(kinds & set(self.events))
            and key.startswith(self.prefix)
            and key.endswith(self.suffix)
        )

    def overlaps(self, other: BucketNotification) -> bool:
        """Return whether an event of one object may match both."""
        prefixes = sorted((self.prefix, other.prefix), key=len)
        suffixes = sorted((self.suffix, other.suffix), key=len)
        return (
            bool(self._all_events() & other._all_events())
            and prefixes[1].startswith(prefixes[0])
            and suffixes[1].endswith(suffixes[0])
        )

    def _all_events(self) -> frozenset[str]:
        key = self.prefix + self.suffix
        return frozenset(event for event in _EVENTS if self.matches(event, key))

    def node(self) -> Node:
        """Return the configuration as XML."""
        children: list[Node] = [("Id", self.id), (self.element, self.target_arn)]
        children += [("Event", f"s3:{event}") for event in self.events]
        rules: list[Node] = [
            ("FilterRule", [("Name", name), ("Value", value)])
            for name, value in (("prefix", self.prefix), ("suffix", self.suffix))
            if value
        ]
        if rules:
            children.append(("Filter", [("S3Key", rules)]))
        return f"{self.element}Configuration", children


def parse_notifications(body: bytes) -> tuple[bool, Sequence[BucketNotification]]:
    """Return whether events go to EventBridge, and the other targets of a configuration.

    Raises AwsError as S3 does, and NotImplemented for events that never happen here.
    """
    configuration = parse_xml(body, "NotificationConfiguration")
    found, eventbridge = [], False
    for child in configuration:
        element = child.tag.removesuffix("Configuration")
        if child.tag == EVENTBRIDGE:
            eventbridge = True
        elif element in _TARGETS and child.tag != element:
            found.append(_notification(element, child))
        else:
            raise unsupported_element(child.tag)
    if len(found) > _MAX_CONFIGURATIONS:
        raise _invalid(f"A bucket has {_MAX_CONFIGURATIONS} notification configurations at most.")
    if len({each.id for each in found}) < len(found):
        raise _invalid("The Ids of the notification configurations must be unique.")
    for one, other in itertools.combinations(found, 2):
        if one.overlaps(other):
            raise _invalid(
                "Configurations overlap. Configurations on the same bucket cannot share a common "
                "event type."
            )
    return eventbridge, found


def _notification(element: str, child: ElementTree.Element) -> BucketNotification:
    arn, events = child_text(child, element), [each.text or "" for each in child.findall("Event")]
    if not arn or not events:
        raise malformed_xml()
    for member in child:
        if member.tag not in ("Id", element, "Event", "Filter"):
            raise unsupported_element(member.tag)
    if arn.split(":")[2:3] != [_TARGETS[element]]:
        raise _invalid("The ARN could not be parsed.", arn)
    if arn.endswith(".fifo"):
        raise _invalid("FIFO queues and topics cannot be told of a bucket's events.", arn)
    names = []
    for event in events:
        name = event.removeprefix("s3:")
        kind, _, rest = name.partition(":")
        if name == event or not (name in _EVENTS or (kind in _KINDS and rest == "*")):
            raise not_implemented(f"The event {event} of bucket notifications")
        names.append(name)
    filters = _filters(child.find("Filter"))
    return BucketNotification(
        child_text(child, "Id") or token_hex(16),
        element,
        arn,
        tuple(names),
        filters.get("prefix", ""),
        filters.get("suffix", ""),
    )


def _filters(element: ElementTree.Element | None) -> Mapping[str, str]:
    if element is None:
        return {}
    found: dict[str, str] = {}
    for rule in element.findall("S3Key/FilterRule"):
        name = (child_text(rule, "Name") or "").lower()
        if name not in ("prefix", "suffix"):
            raise _invalid("filter rule name must be either prefix or suffix")
        if name in found:
            raise _invalid(f"Cannot specify more than one {name} rule in a filter.")
        found[name] = child_text(rule, "Value") or ""
    return found


def created_event(cause: ChangeCause) -> str:
    """Return the name of the event of an object that `cause` created, without `s3:`."""
    return _CREATED[cause.reason]


def notification_row(arn: str, message: Mapping[str, Any], bucket: str) -> dict[str, Any]:
    """Return `message` for the target `arn` as a row of the outbox."""
    return {NOTIFIED: arn, "bucket": bucket, "message": message}


def notification_message(
    event: str, subject: ChangedObject, cause: ChangeCause, region: str, configuration: str
) -> dict[str, Any]:
    """Return the message of one event, for the configuration with this id."""
    about: dict[str, Any] = {"key": quote_plus(subject.key, safe="/")}
    if event not in (REMOVED, MARKER_CREATED):
        about["size"] = subject.size
    if event != REMOVED:
        about["eTag"] = subject.etag
    if subject.version_id is not None:
        about["versionId"] = subject.version_id
    about["sequencer"] = f"{subject.sequence:018X}"
    owner = {"principalId": cause.requester}
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": region,
        "eventTime": utc(subject.moment).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "eventName": event,
        "userIdentity": {"principalId": f"AWS:{cause.requester}"},
        "requestParameters": {"sourceIPAddress": cause.source_ip},
        "responseElements": {"x-amz-request-id": cause.request_id, "x-amz-id-2": cause.request_id},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration,
            "bucket": {
                "name": subject.bucket,
                "ownerIdentity": owner,
                "arn": f"arn:aws:s3:::{subject.bucket}",
            },
            "object": about,
        },
    }
    return {"Records": [record]}


def test_message(bucket: str, moment: float, request_id: str) -> dict[str, str]:
    """Return the message by which S3 tests a queue or a topic that a bucket is to tell."""
    return {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": utc(moment).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "Bucket": bucket,
        "RequestId": request_id,
        "HostId": request_id,
    }


def stored(notifications: Sequence[BucketNotification]) -> str:
    """Return `notifications` as the text of a bucket's configuration."""
    return json.dumps(
        [
            [each.id, each.element, each.target_arn, each.events, each.prefix, each.suffix]
            for each in notifications
        ]
    )


def restored(text: str | None) -> Sequence[BucketNotification]:
    """Return the notifications of a bucket's stored configuration."""
    if not text:
        return ()
    return [
        BucketNotification(id_, element, arn, tuple(events), prefix, suffix)
        for id_, element, arn, events, prefix, suffix in json.loads(text)
    ]


def _invalid(message: str, value: str = "") -> AwsError:
    fields = {"ArgumentName": "NotificationConfiguration", "ArgumentValue": value}
    return AwsError("InvalidArgument", message, 400, **fields)
