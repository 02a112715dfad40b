"""Sending of a bucket's events: to EventBridge, and to queues, functions and topics."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from localcloud.clock import Clock
from localcloud.errors import AwsError
from localcloud.event_outbox import Publish
from localcloud.s3.bucket_notifications import NOTIFIED, BucketNotification, test_message
from localcloud.s3.request import S3Request
from localcloud.service import Deliverer

_NAMES = {"sqs": "queue", "sns": "topic", "lambda": "function"}
_log = logging.getLogger(__name__)


class NotificationTargets:
    """The targets that buckets tell of their events."""

    def __init__(self, targets: Mapping[str, Deliverer], publish: Publish, clock: Clock) -> None:
        """Deliver to `targets` by their service, and to EventBridge by `publish`."""
        self._targets = targets
        self._publish = publish
        self._clock = clock

    def publish(self, row: dict[str, Any]) -> None:
        """Send a row of the outbox. A target that refuses it loses it, as on AWS."""
        arn = row.get(NOTIFIED)
        if arn is None:
            self._publish(row)
            return
        try:
            self._deliver(arn, row["message"], row["bucket"])
        except AwsError as error:
            _log.warning("%s does not take an event of %s: %s", arn, row["bucket"], error)

    def validate(self, target: BucketNotification, request: S3Request) -> None:
        """Test `target` as S3 does, by a test event; a function is not invoked.

        Raises InvalidArgument if it does not exist, or may not be told.
        """
        sent = test_message(request.bucket, self._clock(), request.request_id)
        try:
            self._deliver(target.target_arn, sent, request.bucket, InvocationType="DryRun")
        except AwsError as error:
            name = _NAMES[target.service]
            denied = "AccessDenied" in error.code or "NotAuthorized" in error.code
            reason = (
                f"Permissions on the destination {name} do not allow S3 to publish notifications "
                "from this bucket"
                if denied
                else f"The destination {name} does not exist"
            )
            raise AwsError(
                "InvalidArgument",
                "Unable to validate the following destination configurations",
                400,
                ArgumentName=target.target_arn,
                ArgumentValue=reason,
            ) from error

    def _deliver(self, arn: str, message: Mapping[str, Any], bucket: str, **more: str) -> None:
        source = {"SourceArn": f"arn:aws:s3:::{bucket}", "SourceAccount": arn.split(":")[4]}
        definition = {**source, "PayloadText": json.dumps(message), **more}
        if arn.split(":")[2] == "sns":
            definition["Subject"] = "Amazon S3 Notification"
        self._targets[arn.split(":")[2]](arn, message, definition)
