"""What a stage says of an API: how much each method takes, and what is logged of each request.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-apigateway-stage.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.apigateway.access_log import AccessLog
from localcloud.errors import unsupported

EVERY = ("/*", "*")
"""Path and method of the settings that hold where no others do."""
_SETTING = frozenset({"ResourcePath", "HttpMethod", "ThrottlingRateLimit", "ThrottlingBurstLimit"})


@dataclass(frozen=True, slots=True)
class Limit:
    """How many requests a method takes: `rate` a second, and at once a bucket of `burst`."""

    rate: float
    burst: int


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage. `limits` by path and method; a method that none is for is not limited."""

    name: str = "api"
    limits: Mapping[tuple[str, str], Limit] = field(default_factory=dict)
    access_log: AccessLog | None = None

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> Stage:
        """Read the properties of `AWS::ApiGateway::Stage`.

        Refuses, by an AwsError, settings of methods and log formats that are not served.
        """
        limits = dict(map(_limit, properties.get("MethodSettings", ())))
        log = properties.get("AccessLogSetting")
        access_log = AccessLog.of(log) if log else None
        return cls(str(properties.get("StageName", "api")), limits, access_log)

    def limit(self, path: str, method: str) -> Limit | None:
        """Return the limit of a method of a resource: its own, or that of every method."""
        return self.limits.get((path, method)) or self.limits.get(EVERY)


def _limit(setting: Mapping[str, Any]) -> tuple[tuple[str, str], Limit]:
    """Return a method's limit. Slashes of its path are written `~1`, but for the first.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-apigateway-stage-methodsetting.html
    """
    unknown = sorted(set(setting) - _SETTING)
    missing = sorted(_SETTING - set(setting))
    where = (str(setting.get("ResourcePath")), str(setting.get("HttpMethod")))
    if unknown or missing:
        raise unsupported("API Gateway", f"{where} with {unknown or 'out'} {missing or ''}".strip())
    path, method = where
    if where != EVERY and ("*" in path or method == "*"):
        raise unsupported("API Gateway", f"the method setting {path} {method}: all, or one method")
    plain = path if where == EVERY else path.removeprefix("/").replace("~1", "/")
    limit = Limit(float(setting["ThrottlingRateLimit"]), int(setting["ThrottlingBurstLimit"]))
    return (plain, method), limit
