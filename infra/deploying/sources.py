"""Turns event source mappings off, so that no queue begins anything any more.

https://docs.aws.amazon.com/lambda/latest/api/API_UpdateEventSourceMapping.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from botocore.exceptions import ClientError

from infra.deploying.failures import code_of, is_gone
from infra.deploying.voice import Voice

POLL_SECONDS = 3.0
MAX_POLLS = 60
"""Three minutes; Lambda takes seconds to one minute."""

_BUSY = frozenset({"ResourceConflictException", "ResourceInUseException"})
"""What Lambda answers while a mapping is being created, changed or deleted."""


def turn_off(
    lambdas: Any, mappings: Iterable[str], voice: Voice, sleep: Callable[[float], None]
) -> None:
    """Disable mappings by their UUIDs, and wait until each is disabled or gone.

    One that is still busy after three minutes is said and left: it goes with the stack.
    """
    running = list(mappings)
    for poll in range(MAX_POLLS):
        running = [uuid for uuid in running if not _is_off(lambdas, uuid)]
        if not running:
            return
        if poll < MAX_POLLS - 1:
            sleep(POLL_SECONDS)
    voice.line(
        f"warning: {len(running)} event source mappings are still not disabled: "
        f"{', '.join(running)}. What they begin from now on may fail while the stage goes.",
        "yellow",
    )


def _is_off(lambdas: Any, uuid: str) -> bool:
    """Say whether a mapping is disabled or gone; one that is enabled is told to be disabled."""
    try:
        state = lambdas.get_event_source_mapping(UUID=uuid).get("State")
        if state == "Enabled":
            state = lambdas.update_event_source_mapping(UUID=uuid, Enabled=False).get("State")
    except ClientError as failed:
        if is_gone(failed):
            return True
        if code_of(failed) not in _BUSY:
            raise
        return False
    return bool(state == "Disabled")
