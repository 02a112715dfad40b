"""Whether a call is captured, and on which terms."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.monitors import MaskedCategory

if TYPE_CHECKING:
    from chalicelib.contracts.captures import CaptureSubject
    from chalicelib.contracts.monitors import MonitorTerms

ROLLOUT_RETENTION_DAYS = 30
"""Days for which a call is kept that only a rollout wants."""
_ALWAYS_MASKED: tuple[MaskedCategory, ...] = ("personal-data",)


@dataclass(frozen=True, slots=True)
class CaptureTerms:
    """How a call is captured: whether it was sampled, for how long, and what is masked."""

    sampled: bool
    retention_days: int
    mask: tuple[MaskedCategory, ...]


def decide_capture(
    monitors: Iterable[MonitorTerms], subject: CaptureSubject, correlation_id: str, wanted: bool
) -> CaptureTerms | None:
    """Return the terms on which a call is captured, None if it is not.

    Of several monitors of one subject the highest rate and the longest retention hold, and what
    any of them masks is masked. Personal data always is. The same call is decided the same way
    however often it is tried.

    Args:
        monitors: The tenant's monitors, of whatever subjects.
        subject: The subject of the call.
        correlation_id: The id of the request.
        wanted: Whether a rollout wants the call.
    """
    own = [each for each in monitors if each.subject == subject and each.sample_rate > 0]
    rate = max((each.sample_rate for each in own), default=0.0)
    sampled = sample_point(subject, correlation_id) < rate
    if not sampled and not wanted:
        return None
    return CaptureTerms(
        sampled,
        max((each.retention_days for each in own), default=ROLLOUT_RETENTION_DAYS),
        tuple(sorted({*_ALWAYS_MASKED, *(name for each in own for name in each.mask)})),
    )


def sample_point(subject: CaptureSubject, correlation_id: str) -> float:
    """Return a number from 0 up to 1, uniform over requests and always the same for one."""
    digest = hashlib.sha256(f"{subject.path}\n{correlation_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
