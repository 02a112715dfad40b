"""The one seam through which calls are captured. A failure to capture never fails the call."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from pydantic import JsonValue

from chalicelib.captures.facts import receipt_nanodollars
from chalicelib.captures.samples import CaptureTerms, decide_capture
from chalicelib.contracts.captures import (
    MAX_CAPTURED_BYTES,
    CapturedCall,
    CaptureSubject,
    LeftOut,
)
from chalicelib.errors import HeadraceError

if TYPE_CHECKING:
    from chalicelib.captures.facts import CallFacts
    from chalicelib.contracts.monitors import MonitorTerms
    from chalicelib.contracts.screening import Category, ScreeningPolicy


class CaptureSettings(Protocol):
    """The capture settings of tenants."""

    def monitors(self, tenant: str) -> Sequence[MonitorTerms]:
        """Return the tenant's monitors, which may be some seconds old."""


class CapturePolicies(Protocol):
    """The screening policies that hold for tenants."""

    def policy(self, tenant: str) -> ScreeningPolicy | None:
        """Return the policy of a tenant, None if it has none of its own."""


class CallWriter(Protocol):
    """The store of captured calls."""

    def put(self, tenant: str, call: CapturedCall, expires_at: datetime) -> None:
        """Store a call until `expires_at`."""


@dataclass(frozen=True, slots=True)
class CapturedArm:
    """The part that a call had in a rollout.

    Attributes:
        rollout_id: The rollout that assigned the call, "" without one.
        arm: The arm of the rollout.
        wanted: Whether the call is captured whatever the sample rate is.
        subject: The name of the rollout's subject if it is not what answered, such as the model
            name that was asked for.
    """

    rollout_id: str = ""
    arm: str = ""
    wanted: bool = False
    subject: str = ""


NO_ROLLOUT = CapturedArm()


@dataclass(frozen=True, slots=True)
class CallOrigin:
    """Whose call it is, of what, and for whom.

    Attributes:
        tenant: The tenant.
        subject: What was called.
        correlation_id: The id of the request; the sampling is decided by it.
        end_user: Who asked, as the tenant names them, or the API key's id.
        latency_ms: Milliseconds until the answer was ready.
        rollout: The part that it had in a rollout.
    """

    tenant: str
    subject: CaptureSubject
    correlation_id: str
    end_user: str = ""
    latency_ms: int = 0
    rollout: CapturedArm = NO_ROLLOUT


class CallCapture(Protocol):
    """Captures calls, or none."""

    def record(self, origin: CallOrigin, facts: Callable[[], CallFacts]) -> str:
        """Capture a call if it is wanted, and return the id of the captured call or ""."""


class NoCapture:
    """Captures no call, where nothing stands to write to."""

    def record(self, origin: CallOrigin, facts: Callable[[], CallFacts]) -> str:
        """Return that nothing was captured."""
        return ""


@dataclass(frozen=True, slots=True)
class CallRecorder:
    """Captures calls that a monitor samples or a rollout wants.

    Attributes:
        settings: Tells which calls are captured.
        policies: Tells what a tenant has masked anyway.
        calls: Stores the captured calls.
        utcnow: Returns the time now.
        new_ulid: Returns a new ULID of a time.
        on_error: Hears why a call could not be captured.
    """

    settings: CaptureSettings
    policies: CapturePolicies
    calls: CallWriter
    utcnow: Callable[[], datetime]
    new_ulid: Callable[[datetime], str]
    on_error: Callable[[HeadraceError], None]

    def record(self, origin: CallOrigin, facts: Callable[[], CallFacts]) -> str:
        """Capture a call if it is wanted; `facts` is called only then.

        Returns:
            The id of the captured call, "" if it was not captured or could not be.
        """
        try:
            return self._record(origin, facts)
        except HeadraceError as error:
            self.on_error(error)
        except Exception as error:  # noqa: BLE001 - the answer is made and paid for: it is given
            failure = HeadraceError(f"A call of {origin.subject.path} could not be captured.")
            failure.__cause__ = error
            self.on_error(failure)
        return ""

    def _record(self, origin: CallOrigin, facts: Callable[[], CallFacts]) -> str:
        monitors = self.settings.monitors(origin.tenant)
        wanted = origin.rollout.wanted
        terms = decide_capture(monitors, origin.subject, origin.correlation_id, wanted)
        if terms is None:
            return ""
        now = self.utcnow()
        call = self._captured(origin, facts(), terms, now)
        self.calls.put(origin.tenant, call, now + timedelta(days=terms.retention_days))
        return call.id

    def _captured(
        self, origin: CallOrigin, facts: CallFacts, terms: CaptureTerms, now: datetime
    ) -> CapturedCall:
        # Imported here: the rules of screening are many, and most calls are not captured.
        from chalicelib.captures.masks import mask_bodies
        from chalicelib.retrieval.text.language import detect_language

        # What is not kept is not masked either: that takes 1.4 ms of a core for each KB.
        left_out: set[LeftOut] = {*facts.left_out, *_too_long(_json(facts.request), facts.output)}
        request: JsonValue = {} if "input" in left_out else dict(facts.request)
        output = "" if "output" in left_out else facts.output
        bodies = mask_bodies(request, output, self._mask(origin.tenant, terms))
        return CapturedCall(
            id=self.new_ulid(now),
            subject=origin.subject,
            version=facts.version,
            created_at=now,
            rollout_id=origin.rollout.rollout_id,
            arm=origin.rollout.arm,
            sampled=terms.sampled,
            answer_id=facts.answer_id,
            end_user=end_user_hash(origin.tenant, origin.end_user),
            outcome=facts.outcome,
            error_type=facts.error_type,
            latency_ms=origin.latency_ms,
            nanodollars=receipt_nanodollars(facts.receipt),
            tokens_in=facts.receipt.tokens_in,
            tokens_out=facts.receipt.tokens_out,
            cited=facts.cited,
            unsupported=facts.unsupported,
            unsafe=bodies.unsafe,
            label=facts.label,
            language=detect_language(facts.asked[:MAX_LANGUAGE_CHARACTERS]),
            input_characters=len(facts.asked),
            output_characters=len(facts.output),
            input=None if "input" in left_out else _json(bodies.request),
            output=None if "output" in left_out else bodies.output,
            left_out=tuple(sorted(left_out)),
            masked=bodies.masked,
        )

    def _mask(self, tenant: str, terms: CaptureTerms) -> set[Category]:
        """Return what is masked: what the monitors say, and what the tenant's policy masks."""
        policy = self.policies.policy(tenant)
        categories = policy.categories if policy is not None else {}
        own: set[Category] = {
            name for name, rule in categories.items() if "mask" in (rule.input, rule.output)
        }
        return own | set(terms.mask)


MAX_LANGUAGE_CHARACTERS = 2_000
"""The beginning of an input by which its language is detected."""


def end_user_hash(tenant: str, end_user: str) -> str:
    """Return the hash by which an end user is known in captured calls, "" for none."""
    if not end_user:
        return ""
    return hashlib.sha256(f"{tenant}\n{end_user}".encode()).hexdigest()[:24]


def _too_long(request: str, output: str) -> set[LeftOut]:
    long: set[LeftOut] = set()
    if len(request.encode()) > MAX_CAPTURED_BYTES:
        long.add("input")
    if len(output.encode()) > MAX_CAPTURED_BYTES:
        long.add("output")
    return long


def _json(request: object) -> str:
    return json.dumps(request, ensure_ascii=False, separators=(",", ":"))
