"""Shows what happens to a stack while it happens."""

from __future__ import annotations

from collections.abc import Iterator

from infra.deploying.stack import Event
from infra.deploying.voice import Voice


def show_events(events: Iterator[Event], total: int, voice: Voice) -> list[Event]:
    """Show events as they come, failures with their reasons, and return them all.

    `total` is how many resources are worked on; each counts once, when it first is complete.
    """
    seen: list[Event] = []
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
