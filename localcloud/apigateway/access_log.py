"""Access logs: one line a request, in the format that the stage gives.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.errors import unsupported

_VARIABLE = re.compile(r"\$(context(?:\.\w+)+)")
_KNOWN = frozenset(
    {
        "context.error.responseType",
        "context.httpMethod",
        "context.identity.sourceIp",
        "context.path",
        "context.protocol",
        "context.requestId",
        "context.requestTime",
        "context.resourcePath",
        "context.responseLatency",
        "context.responseLength",
        "context.stage",
        "context.status",
    }
)
_OF_AUTHORIZER = "context.authorizer."
_NEEDED = "context.requestId"
NOTHING = "-"
"""What stands in a line for a variable that a request has no value for."""


@dataclass(frozen=True, slots=True)
class AccessLog:
    """Where lines go, and how one reads."""

    log_group: str
    format: str

    @classmethod
    def of(cls, setting: Mapping[str, Any]) -> AccessLog:
        """Read the `AccessLogSetting` of a stage.

        Refuses, by an AwsError, a format of several lines or without the request's id, as AWS
        does, and variables that are not served here.
        """
        group = str(setting["DestinationArn"]).partition(":log-group:")[2].removesuffix(":*")
        written = str(setting["Format"])
        names = _VARIABLE.findall(written)
        if not group:
            raise unsupported("API Gateway", f"access logs to {setting['DestinationArn']}")
        if "\n" in written or _NEEDED not in names:
            raise unsupported("API Gateway", f"access logs that are no line with ${_NEEDED}")
        for name in names:
            if name not in _KNOWN and not name.startswith(_OF_AUTHORIZER):
                raise unsupported("API Gateway", f"${name} in access logs")
        return cls(group, written)

    def line(self, values: Mapping[str, str], authorizer: Mapping[str, str]) -> str:
        """Return the line of a request; `values` are those of `$context.…`, by what follows."""
        known = {
            **{f"context.{name}": value for name, value in values.items()},
            **{f"{_OF_AUTHORIZER}{name}": value for name, value in authorizer.items()},
        }
        return _VARIABLE.sub(lambda found: known.get(found[1]) or NOTHING, self.format)
