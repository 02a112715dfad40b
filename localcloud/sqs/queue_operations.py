"""The operations on queues themselves: create, find, describe, tag, purge and delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.clock import Clock
from localcloud.errors import AwsError
from localcloud.pagination import InvalidToken, page
from localcloud.service import CloudContext, Params, Result
from localcloud.sqs import queues
from localcloud.sqs.errors import invalid, invalid_value, no_such_queue
from localcloud.sqs.messages import MessageStore
from localcloud.sqs.notifier import QueueNotifier
from localcloud.sqs.queues import Queue
from localcloud.sqs.store import QueueStore

COOLDOWN_SECONDS = 60
"""How long after a purge AWS refuses the next one, and after a deletion the same name."""

MAX_TAGS = 50


class QueueOperations:
    """The operations on queues."""

    def __init__(
        self,
        context: CloudContext,
        store: QueueStore,
        messages: MessageStore,
        notifier: QueueNotifier,
        clock: Clock,
    ) -> None:
        """Operate on the queues in `store`."""
        self._context = context
        self._store = store
        self._messages = messages
        self._notifier = notifier
        self._clock = clock

    def find_queue(self, params: Params) -> Queue:
        """Return the queue that `QueueUrl` names. Raises QueueDoesNotExist."""
        name = queues.queue_name_in_url(self._context, params["QueueUrl"])
        found = self._store.find(name)
        if found is None:
            raise no_such_queue()
        return found

    def create_queue(self, params: Params) -> Result:
        """Create a queue, or return the URL of one that has the same attributes."""
        name = params["QueueName"]
        attributes = dict(params.get("Attributes") or {})
        tags = dict(params.get("tags") or {})
        queues.check_name(name, attributes)
        queues.check_attributes(attributes, fifo=name.endswith(".fifo"), creating=True)
        queues.check_consistency(attributes)
        _check_tags(tags)
        arn = self._context.arn("sqs", name)
        self._check_redrive(arn, attributes)
        existing = self._store.find(name)
        if existing is None:
            self._check_not_deleted_recently(name)
            if self._store.add(name, arn, attributes, tags):
                return {"QueueUrl": queues.queue_url(self._context, name)}
            existing = self._store.find(name)
        if existing is not None:
            self._check_same_attributes(existing, attributes)
        return {"QueueUrl": queues.queue_url(self._context, name)}

    def _check_not_deleted_recently(self, name: str) -> None:
        deleted_at = self._store.deleted_at(name)
        if deleted_at is not None and self._clock() < deleted_at + COOLDOWN_SECONDS:
            raise AwsError(
                "QueueDeletedRecently",
                "You must wait 60 seconds after deleting a queue before you can create another "
                "with the same name.",
            )

    def _check_same_attributes(self, queue: Queue, attributes: Mapping[str, str]) -> None:
        current = self._describe(queue)
        for name, value in attributes.items():
            if current.get(name) != value:
                raise AwsError(
                    "QueueNameExists",
                    "A queue already exists with the same name and a different value for "
                    f"attribute {name}",
                )

    def _check_redrive(self, source_arn: str, attributes: Mapping[str, str]) -> None:
        redrive = queues.redrive_policy(attributes)
        if redrive is None:
            return
        value, (arn, _) = attributes["RedrivePolicy"], redrive
        target = self._store.find_by_arn(arn)
        if target is None or arn == source_arn:
            reason = (
                "Dead letter target does not exist."
                if target is None
                else "A queue cannot be its own dead letter target."
            )
            raise invalid_value(value, "RedrivePolicy", reason)
        if target.fifo != source_arn.endswith(".fifo"):
            raise invalid_value(
                value,
                "RedrivePolicy",
                "Dead-letter queue must be same type of queue as the source.",
            )
        if not queues.allows_source(target.attributes.get("RedriveAllowPolicy"), source_arn):
            raise invalid_value(
                value, "RedrivePolicy", "Queue is not allowed to use the dead letter target."
            )

    def delete_queue(self, params: Params) -> Result:
        """Delete a queue with all its messages."""
        queue = self.find_queue(params)
        self._store.remove(queue)
        self._notifier.notify(queue.id)
        return {}

    def purge_queue(self, params: Params) -> Result:
        """Delete every message of a queue, at most once a minute."""
        queue = self.find_queue(params)
        if not self._store.purge(queue, self._clock() - COOLDOWN_SECONDS):
            raise AwsError(
                "PurgeQueueInProgress",
                f"Only one PurgeQueue operation on {queue.name} is allowed every 60 seconds.",
                403,
            )
        return {}

    def get_queue_url(self, params: Params) -> Result:
        """Return the URL of a queue by its name."""
        owner = params.get("QueueOwnerAWSAccountId", self._context.account_id)
        if owner != self._context.account_id or self._store.find(params["QueueName"]) is None:
            raise no_such_queue()
        return {"QueueUrl": queues.queue_url(self._context, params["QueueName"])}

    def list_queues(self, params: Params) -> Result:
        """List queue URLs by name prefix."""
        prefix = params.get("QueueNamePrefix", "")
        found = [queue for queue in self._store.all() if queue.name.startswith(prefix)]
        return self._page(found, params, "QueueUrls")

    def list_dead_letter_source_queues(self, params: Params) -> Result:
        """List the queues whose dead letters this one gets."""
        queue = self.find_queue(params)
        return self._page(self._store.dead_letter_sources(queue.arn), params, "queueUrls")

    def _page(self, found: list[Queue], params: Params, member: str) -> Result:
        limit, token = params.get("MaxResults"), params.get("NextToken")
        if limit is not None and not 1 <= limit <= 1000:
            raise invalid_value(limit, "MaxResults", "Must be between 1 and 1000.")
        if token is not None and limit is None:
            raise invalid("MaxResults is a mandatory parameter when NextToken is given.")
        try:
            chosen, following = page(found, lambda queue: queue.name, limit or 1000, token)
        except InvalidToken as error:
            raise invalid(str(error)) from error
        urls = [queues.queue_url(self._context, queue.name) for queue in chosen]
        return {member: urls, **({"NextToken": following} if following and limit else {})}

    def get_queue_attributes(self, params: Params) -> Result:
        """Return the named attributes of a queue, or `All`."""
        queue = self.find_queue(params)
        wanted = params.get("AttributeNames") or []
        for name in wanted:
            if name not in queues.READABLE and name != "All":
                raise AwsError("InvalidAttributeName", f"Unknown Attribute {name}.")
        attributes = self._describe(queue)
        if "All" not in wanted:
            attributes = {name: value for name, value in attributes.items() if name in wanted}
        return {"Attributes": attributes} if attributes else {}

    def _describe(self, queue: Queue) -> dict[str, str]:
        counts = self._messages.count(queue)
        attributes = {
            **_DEFAULT_ATTRIBUTES,
            **(_DEFAULT_FIFO_ATTRIBUTES if queue.fifo else {}),
            **queue.attributes,
            "ApproximateNumberOfMessages": str(counts.visible),
            "ApproximateNumberOfMessagesDelayed": str(counts.delayed),
            "ApproximateNumberOfMessagesNotVisible": str(counts.in_flight),
            "CreatedTimestamp": str(int(queue.created_at)),
            "LastModifiedTimestamp": str(int(queue.modified_at)),
            "QueueArn": queue.arn,
        }
        if attributes.get("KmsMasterKeyId"):
            attributes["SqsManagedSseEnabled"] = "false"
            attributes.setdefault("KmsDataKeyReusePeriodSeconds", "300")
        return {name: value for name, value in attributes.items() if value}

    def set_queue_attributes(self, params: Params) -> Result:
        """Change attributes; an empty value removes a policy or key."""
        queue = self.find_queue(params)
        changes = params["Attributes"]
        queues.check_attributes(changes, fifo=queue.fifo, creating=False)
        merged = {**queue.attributes, **changes}
        if changes.get("KmsMasterKeyId"):
            merged["SqsManagedSseEnabled"] = changes.get("SqsManagedSseEnabled", "false")
        elif changes.get("SqsManagedSseEnabled") == "true":
            merged["KmsMasterKeyId"] = ""
        merged = {name: value for name, value in merged.items() if value}
        queues.check_consistency(merged)
        if changes.get("RedrivePolicy"):
            self._check_redrive(queue.arn, merged)
        self._store.set_attributes(queue, merged)
        self._notifier.notify(queue.id)
        return {}

    def tag_queue(self, params: Params) -> Result:
        """Add or replace tags."""
        queue = self.find_queue(params)
        tags = {**self._store.tags(queue), **params["Tags"]}
        _check_tags(tags)
        self._store.set_tags(queue, tags)
        return {}

    def untag_queue(self, params: Params) -> Result:
        """Remove tags."""
        queue = self.find_queue(params)
        removed = set(params["TagKeys"])
        tags = {key: tag for key, tag in self._store.tags(queue).items() if key not in removed}
        self._store.set_tags(queue, tags)
        return {}

    def list_queue_tags(self, params: Params) -> Result:
        """Return the tags of a queue."""
        tags = self._store.tags(self.find_queue(params))
        return {"Tags": tags} if tags else {}


_DEFAULT_ATTRIBUTES = {
    "DelaySeconds": "0",
    "MaximumMessageSize": str(queues.MAX_MESSAGE_BYTES),
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "VisibilityTimeout": "30",
    "SqsManagedSseEnabled": "true",
}
_DEFAULT_FIFO_ATTRIBUTES = {
    "FifoQueue": "true",
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}


def _check_tags(tags: Mapping[str, Any]) -> None:
    if len(tags) > MAX_TAGS:
        raise invalid(f"Too many tags: a queue takes at most {MAX_TAGS}.")
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or len(value) > 256 or key.lower().startswith("aws:"):
            raise invalid_value(key, "Tags", "Not a legal tag.")
