"""A rate limiter per model that learns from throttling, shared fairly by tenants. Pure.

A model is not limited until it throttles more than a few of its calls. Then its rate is cut, at
most once in `hold_s`, in proportion to the share of calls that it throttles, by half if it
throttles all of them; and the rate grows again by `raise_per_s` each second. Additive increase and
multiplicative decrease share a capacity that nobody knows (Chiu and Jain, "Analysis of the Increase
and Decrease Algorithms for Congestion Avoidance in Computer Networks", 1989); cutting by the share
is DCTCP's (RFC 8257).

A throttled call costs nothing but a pause, so a few are tolerated: a client that never asks for
more than it is granted never learns that there is more. Google's clients send twice what is
accepted ("Handling Overload", Site Reliability Engineering, 2016); here it is half more.

The rate flows into a bucket for each tenant that asked within `active_s`, in equal shares; what a
full bucket cannot hold goes into a pot that every tenant may take from. So a tenant that asks for
less than its share never waits for another, and the rest of its share is used.

A limiter is a small record, stored as text. Times are in seconds, passed in; rates in calls a
second.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace

_FLOW_S = 5.0
"""The time constant of the average rate of calls, in seconds."""
_FEW = 1.0
"""Calls a second that are assumed to have succeeded: a few calls say little."""


@dataclass(frozen=True, slots=True)
class LimiterRules:
    """The rules by which rates fall and rise, and their bounds.

    Up to a share of `tolerated_share`, throttling changes nothing. A bucket holds what flows in
    within `burst_s`, and at least one call. `max_tenants` bounds the record: beyond it, the tenants
    that have not called for longest are forgotten.
    """

    min_rate: float = 0.2
    max_rate: float = 200.0
    cut_factor: float = 0.5
    tolerated_share: float = 1 / 3
    hold_s: float = 2.0
    raise_per_s: float = 0.2
    burst_s: float = 1.0
    active_s: float = 10.0
    max_tenants: int = 64


@dataclass(frozen=True, slots=True)
class TenantBucket:
    """The bucket of one tenant: calls it may make at once, and when it last asked."""

    tenant: str
    level: float
    asked_at: float


@dataclass(frozen=True, slots=True)
class Limiter:
    """The limiter of one model, in calls a second.

    `rate` is None if it never throttled; `flow` is the average rate of calls, and `refused` how
    much of that it throttled. `updated` is the time up to which buckets were filled; `cut_at` is
    when the rate was last cut.
    """

    rate: float | None = None
    flow: float = 0.0
    refused: float = 0.0
    updated: float = 0.0
    cut_at: float | None = None
    pot: float = 0.0
    shares: tuple[TenantBucket, ...] = ()

    def dump(self) -> str:
        """Return the limiter as text."""
        return json.dumps(asdict(self), separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class LimiterDecision:
    """The decision on one call: it may go now if `wait_s` is 0, else ask again after it."""

    limiter: Limiter
    wait_s: float


LIMITER_RULES = LimiterRules()
UNLIMITED = Limiter()


def load_limiter(text: str) -> Limiter:
    """Return the limiter that `dump` wrote. Raises TypeError or ValueError for another text."""
    written = json.loads(text)
    shares = tuple(TenantBucket(**share) for share in written.pop("shares"))
    return Limiter(**written, shares=shares)


def request_call(
    limiter: Limiter, tenant: str, now: float, rules: LimiterRules = LIMITER_RULES
) -> LimiterDecision:
    """Return whether `tenant` may call the model now, and the limiter after that."""
    filled = _fill_buckets(_with_tenant(limiter, tenant, now, rules), now, rules)
    if filled.rate is None:
        return LimiterDecision(_count_call(filled), 0.0)
    own = next(share for share in filled.shares if share.tenant == tenant)
    if own.level >= 1:
        return LimiterDecision(_count_call(_take_from_bucket(filled, tenant)), 0.0)
    if filled.pot >= 1:
        return LimiterDecision(_count_call(replace(filled, pot=filled.pot - 1)), 0.0)
    return LimiterDecision(filled, (1 - own.level) * len(filled.shares) / filled.rate)


def record_throttling(limiter: Limiter, now: float, rules: LimiterRules = LIMITER_RULES) -> Limiter:
    """Return the limiter after the model throttled a call at `now`."""
    filled = _fill_buckets(limiter, now, rules)
    filled = replace(filled, refused=filled.refused + 1 / _FLOW_S)
    is_on_hold = filled.cut_at is not None and now - filled.cut_at < rules.hold_s
    share = min(1.0, filled.refused / (filled.flow + _FEW))
    if is_on_hold or share <= rules.tolerated_share:
        return filled
    before = filled.flow if filled.rate is None else filled.rate
    factor = 1 - (1 - rules.cut_factor) * (share - rules.tolerated_share) / (
        1 - rules.tolerated_share
    )
    return replace(filled, rate=_clamp_rate(before * factor, rules), cut_at=now, pot=0.0)


def _with_tenant(limiter: Limiter, tenant: str, now: float, rules: LimiterRules) -> Limiter:
    """Return the limiter with `tenant` among the active ones, without those that went idle."""
    level = next((share.level for share in limiter.shares if share.tenant == tenant), 0.0)
    others = [
        share
        for share in limiter.shares
        if share.tenant != tenant and now - share.asked_at < rules.active_s
    ]
    active = sorted(others, key=lambda share: (-share.asked_at, share.tenant))[
        : rules.max_tenants - 1
    ]
    return replace(limiter, shares=(TenantBucket(tenant, level, now), *active))


def _fill_buckets(limiter: Limiter, now: float, rules: LimiterRules) -> Limiter:
    """Return the limiter with the inflow since its update; a clock never runs back."""
    passed = max(0.0, now - limiter.updated)
    now = max(now, limiter.updated)
    decay = math.exp(-passed / _FLOW_S)
    flow, refused = limiter.flow * decay, limiter.refused * decay
    if limiter.rate is None:
        return replace(limiter, flow=flow, refused=refused, updated=now)
    inflow = limiter.rate * passed
    count = max(1, len(limiter.shares))
    capacity = max(1.0, limiter.rate / count * rules.burst_s)
    shares, spilt = [], 0.0 if limiter.shares else inflow
    for share in limiter.shares:
        level = share.level + inflow / count
        spilt += max(0.0, level - capacity)
        shares.append(replace(share, level=min(level, capacity)))
    return Limiter(
        rate=_clamp_rate(limiter.rate + rules.raise_per_s * passed, rules),
        flow=flow,
        refused=refused,
        updated=now,
        cut_at=limiter.cut_at,
        pot=min(limiter.pot + spilt, max(1.0, limiter.rate * rules.burst_s)),
        shares=tuple(shares),
    )


def _take_from_bucket(limiter: Limiter, tenant: str) -> Limiter:
    shares = tuple(
        replace(share, level=share.level - 1) if share.tenant == tenant else share
        for share in limiter.shares
    )
    return replace(limiter, shares=shares)


def _count_call(limiter: Limiter) -> Limiter:
    """Return the limiter after one more call was let through."""
    return replace(limiter, flow=limiter.flow + 1 / _FLOW_S)


def _clamp_rate(rate: float, rules: LimiterRules) -> float:
    return min(max(rate, rules.min_rate), rules.max_rate)
