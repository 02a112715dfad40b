"""The stage of an API: throttling of its methods, and its access log.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-apigateway-stage.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.apigateway.access_log import AccessLogFormat
from localcloud.apigateway.admission import MAX_IN_FLIGHT
from localcloud.errors import unsupported

EVERY_METHOD = ("/*", "*")
"""Path and method of the setting of all methods without one of their own."""

_SETTING_MEMBERS = frozenset(
    {"ResourcePath", "HttpMethod", "ThrottlingRateLimit", "ThrottlingBurstLimit"}
)


@dataclass(frozen=True, slots=True)
class ThrottlingLimit:
    """A method's requests a second, and the size of its token bucket."""

    rate: float
    burst: int


@dataclass(frozen=True, slots=True)
class ApiStage:
    """A stage. `limits` are by path and method; a method without one is not throttled.

    `max_in_flight` is how many requests of one function this machine takes at a time.
    """

    name: str = "api"
    limits: Mapping[tuple[str, str], ThrottlingLimit] = field(default_factory=dict)
    access_log: AccessLogFormat | None = None
    max_in_flight: int = MAX_IN_FLIGHT

    @classmethod
    def from_properties(cls, properties: Mapping[str, Any]) -> ApiStage:
        """Read the properties of `AWS::ApiGateway::Stage`.

        Refuse by an AwsError method settings and log formats that are not supported.
        """
        limits = dict(map(_method_limit, properties.get("MethodSettings", ())))
        setting = properties.get("AccessLogSetting")
        access_log = AccessLogFormat.from_setting(setting) if setting else None
        return cls(str(properties.get("StageName", "api")), limits, access_log)

    def limit(self, path: str, method: str) -> ThrottlingLimit | None:
        """Return the limit of a method of a resource: its own, or that of every method."""
        return self.limits.get((path, method)) or self.limits.get(EVERY_METHOD)


def _method_limit(setting: Mapping[str, Any]) -> tuple[tuple[str, str], ThrottlingLimit]:
    """Return path, method and limit. Slashes in the path but the first are written `~1`.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-apigateway-stage-methodsetting.html
    """
    unknown = sorted(set(setting) - _SETTING_MEMBERS)
    missing = sorted(_SETTING_MEMBERS - set(setting))
    key = (str(setting.get("ResourcePath")), str(setting.get("HttpMethod")))
    if unknown or missing:
        raise unsupported("API Gateway", f"{key} with {unknown or 'out'} {missing or ''}".strip())
    path, method = key
    if key != EVERY_METHOD and ("*" in path or method == "*"):
        raise unsupported("API Gateway", f"the method setting {path} {method}: all, or one method")
    plain = path if key == EVERY_METHOD else path.removeprefix("/").replace("~1", "/")
    limit = ThrottlingLimit(
        float(setting["ThrottlingRateLimit"]), int(setting["ThrottlingBurstLimit"])
    )
    return (plain, method), limit


@dataclass(slots=True)
class _TokenBucket:
    tokens: float
    filled_at: float


class MethodThrottle:
    """A token bucket for each method, so that one that is throttled leaves the others alone."""

    def __init__(self, stage: ApiStage, monotonic: Callable[[], float]) -> None:
        """Apply the limits of `stage`; `monotonic` returns seconds."""
        self._stage = stage
        self._monotonic = monotonic
        self._buckets: dict[tuple[str, str], _TokenBucket] = {}
        self._lock = threading.Lock()

    def admits(self, path: str, method: str) -> bool:
        """Take a token for a request to the resource `path`; return False if there is none."""
        limit = self._stage.limit(path, method)
        if limit is None:
            return True
        with self._lock:
            return self._take_token((path, method), limit)

    def _take_token(self, key: tuple[str, str], limit: ThrottlingLimit) -> bool:
        now = self._monotonic()
        bucket = self._buckets.setdefault(key, _TokenBucket(limit.burst, now))
        gained = (now - bucket.filled_at) * limit.rate
        bucket.tokens = min(float(limit.burst), bucket.tokens + gained)
        bucket.filled_at = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True
