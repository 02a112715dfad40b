"""A stage's stack: its state, its events, and the causes of failures.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.deployment.console import Console
from infra.deployment.failures import DeploymentError, code_of, is_transient, message_of

POLL_SECONDS = 3.0
LONGEST_SILENCE = 3600.0
"""Seconds without an event after which following ends; the longest step of one resource of ours
takes minutes."""

_STACK = "AWS::CloudFormation::Stack"
_CANCELLED = ("Resource creation cancelled", "Resource update cancelled")


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack and its current state."""

    id: str
    name: str
    status: str
    reason: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    is_protected: bool

    @property
    def is_review(self) -> bool:
        """Return whether the stack only holds a change set that was never executed."""
        return self.status == "REVIEW_IN_PROGRESS"

    @property
    def is_busy(self) -> bool:
        """Return whether an operation on the stack is in progress."""
        return self.status.endswith("_IN_PROGRESS") and not self.is_review


@dataclass(frozen=True, slots=True)
class StackEvent:
    """One event of a resource, or of the stack itself."""

    id: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str
    is_stack: bool

    @property
    def has_failed(self) -> bool:
        """Return whether it reports a failure that no other failure caused."""
        return self.status.endswith("_FAILED") and not self.reason.startswith(_CANCELLED)

    @property
    def ends_stack(self) -> bool:
        """Return whether it is the last event of the operation."""
        return self.is_stack and self.status.endswith(("_COMPLETE", "_FAILED"))


def find_stack(cloudformation: Any, name: str) -> Stack | None:
    """Return the stack of this name or id, or None if there is none or it was deleted."""
    try:
        description = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if code_of(error) == "ValidationError" and "does not exist" in message_of(error):
            return None
        raise
    if description["StackStatus"] == "DELETE_COMPLETE":
        return None
    return Stack(
        id=description["StackId"],
        name=description["StackName"],
        status=description["StackStatus"],
        reason=description.get("StackStatusReason", ""),
        parameters={
            each["ParameterKey"]: each.get("ParameterValue", "")
            for each in description.get("Parameters", [])
        },
        outputs={each["OutputKey"]: each["OutputValue"] for each in description.get("Outputs", [])},
        is_protected=description.get("EnableTerminationProtection", False),
    )


@dataclass(frozen=True, slots=True)
class StackFollower:
    """Follower of the events of one stack, from the moment of its creation on."""

    cloudformation: Any
    stack_id: str
    last_seen: str
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def events(self) -> Iterator[StackEvent]:
        """Yield each new event, oldest first, up to the one that ends the operation.

        A call that fails temporarily is repeated at the next poll; it counts as silence.

        Raises:
            DeploymentError: Nothing was heard for an hour.
            ClientError: A call cannot succeed.
        """
        return self._events(may_vanish=False)

    def until_gone(self) -> Iterator[StackEvent]:
        """Yield the events of a deletion as `events` does, until the stack is gone.

        For a stack that was gone before, nothing is yielded.
        """
        return self._events(may_vanish=True)

    def _events(self, *, may_vanish: bool) -> Iterator[StackEvent]:
        last_seen = self.last_seen
        deadline = self.clock() + LONGEST_SILENCE
        while True:
            is_gone = may_vanish and self._is_gone()
            news, failed = self._news(last_seen)
            for event in news:
                yield event
                if event.ends_stack:
                    return
            if news:
                last_seen = news[-1].id
                deadline = self.clock() + LONGEST_SILENCE
            elif is_gone:
                return
            elif self.clock() >= deadline:
                because = f" The last call failed: {failed}." if failed else ""
                raise DeploymentError(
                    f"Nothing has happened to {self.stack_id} for {LONGEST_SILENCE / 60:.0f} "
                    f"minutes.{because} CloudFormation goes on by itself; look at its events in "
                    "the console."
                )
            self.sleep(POLL_SECONDS)

    def _is_gone(self) -> bool:
        try:
            return find_stack(self.cloudformation, self.stack_id) is None
        except (BotoCoreError, ClientError) as failed:
            if not is_transient(failed):
                raise
            return False

    def _news(self, last_seen: str) -> tuple[list[StackEvent], Exception | None]:
        """Return the new events, or none and the temporary failure."""
        try:
            return _new_events(self.cloudformation, self.stack_id, last_seen), None
        except (BotoCoreError, ClientError) as failed:
            if not is_transient(failed):
                raise
            return [], failed


def follow_from_now(
    cloudformation: Any, stack_id: str, sleep: Callable[[float], None] = time.sleep
) -> StackFollower:
    """Return a follower of everything that happens to the stack from now on."""
    newest = next(_newest_first(cloudformation, stack_id), None)
    return StackFollower(cloudformation, stack_id, newest.id if newest else "", sleep)


def root_causes(events: Sequence[StackEvent]) -> list[StackEvent]:
    """Return the failures of resources; the first caused the others."""
    return [event for event in events if event.has_failed and not event.is_stack]


def _new_events(cloudformation: Any, stack_id: str, last_seen: str) -> list[StackEvent]:
    news: list[StackEvent] = []
    for event in _newest_first(cloudformation, stack_id):
        if event.id == last_seen:
            break
        news.append(event)
    return news[::-1]


def _newest_first(cloudformation: Any, stack_id: str) -> Iterator[StackEvent]:
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
    for page in pages:
        for each in page["StackEvents"]:
            yield StackEvent(
                id=each["EventId"],
                logical_id=each.get("LogicalResourceId", ""),
                physical_id=each.get("PhysicalResourceId", ""),
                type=each.get("ResourceType", ""),
                status=each.get("ResourceStatus", ""),
                reason=each.get("ResourceStatusReason", ""),
                is_stack=each.get("ResourceType") == _STACK
                and each.get("PhysicalResourceId") == stack_id,
            )


def show_events(events: Iterator[StackEvent], total: int, voice: Console) -> list[StackEvent]:
    """Print events as they come, failures with their reasons, and return them all.

    `total` is the number of resources that change; each counts once, when it is first complete.
    """
    seen: list[StackEvent] = []
    done: set[str] = set()
    with voice.counting("Stack", total) as advance:
        for event in events:
            seen.append(event)
            if event.has_failed and not event.is_stack:
                voice.line(f"{event.logical_id} {event.status}: {event.reason}", "red")
            counts = event.status.endswith("_COMPLETE") and not event.is_stack
            first = counts and event.logical_id not in done
            if first:
                done.add(event.logical_id)
            advance(int(first), f"{event.logical_id} {event.status}")
    return seen
