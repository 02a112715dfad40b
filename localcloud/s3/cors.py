"""Cross-origin resource sharing (CORS) rules of a bucket.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from localcloud.errors import AwsError
from localcloud.s3.errors import malformed_xml
from localcloud.s3.xml_format import parse_xml

_METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "HEAD"})
_KNOWN = frozenset(
    {"ID", "AllowedOrigin", "AllowedMethod", "AllowedHeader", "ExposeHeader", "MaxAgeSeconds"}
)


@dataclass(frozen=True, slots=True)
class CorsRule:
    """One CORS rule; each origin and header pattern may hold one `*`."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    max_age: str | None

    def response_headers(
        self, origin: str, method: str, requested: Iterable[str]
    ) -> dict[str, str] | None:
        """Return the response headers for a request, or None if the rule does not allow it."""
        pattern = next((one for one in self.origins if _matches(one, origin)), None)
        names = [name.strip().lower() for name in requested if name.strip()]
        if pattern is None or method not in self.methods:
            return None
        if not all(any(_matches(one.lower(), name) for one in self.headers) for name in names):
            return None
        headers = {
            "Access-Control-Allow-Origin": "*" if pattern == "*" else origin,
            "Access-Control-Allow-Methods": ", ".join(self.methods),
            "Vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
        }
        if pattern != "*":
            headers["Access-Control-Allow-Credentials"] = "true"
        if names:
            headers["Access-Control-Allow-Headers"] = ", ".join(names)
        if self.exposed:
            headers["Access-Control-Expose-Headers"] = ", ".join(self.exposed)
        if self.max_age is not None:
            headers["Access-Control-Max-Age"] = self.max_age
        return headers


def parse_rules(document: bytes) -> list[CorsRule]:
    """Parse a CORSConfiguration; raise the errors of PutBucketCors if it is invalid."""
    rules = []
    for element in parse_xml(document, "CORSConfiguration"):
        if element.tag != "CORSRule" or any(child.tag not in _KNOWN for child in element):
            raise malformed_xml()
        texts: dict[str, tuple[str, ...]] = {
            name: tuple((child.text or "").strip() for child in element.findall(name))
            for name in _KNOWN
        }
        if not texts["AllowedOrigin"] or not texts["AllowedMethod"]:
            raise malformed_xml()
        _check(texts)
        rules.append(
            CorsRule(
                texts["AllowedOrigin"],
                texts["AllowedMethod"],
                texts["AllowedHeader"],
                texts["ExposeHeader"],
                next(iter(texts["MaxAgeSeconds"]), None),
            )
        )
    if not 0 < len(rules) <= 100:
        raise malformed_xml()
    return rules


def response_headers(
    rules: Iterable[CorsRule], request: Mapping[str, str], method: str
) -> dict[str, str]:
    """Return the CORS headers for an actual request; empty if no rule allows its origin."""
    origin = request.get("origin")
    if origin is None:
        return {}
    answers = (rule.response_headers(origin, method, ()) for rule in rules)
    return next((answer for answer in answers if answer is not None), {})


def preflight_headers(rules: Iterable[CorsRule], request: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of the response to a preflight; raise AccessForbidden (403)."""
    origin, method = request.get("origin"), request.get("access-control-request-method")
    if not origin or not method:
        raise AwsError(
            "BadRequest",
            "Insufficient information. Origin request header needed.",
        )
    requested = request.get("access-control-request-headers", "").split(",")
    answers = (rule.response_headers(origin, method, requested) for rule in rules)
    found = next((answer for answer in answers if answer is not None), None)
    if found is None:
        raise AwsError(
            "AccessForbidden",
            "CORSResponse: This CORS request is not allowed. This is usually because the "
            "evalution of Origin, request method / Access-Control-Request-Method or "
            "Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.",
            403,
            Method=method,
        )
    return found


def _check(texts: Mapping[str, tuple[str, ...]]) -> None:
    for method in texts["AllowedMethod"]:
        if method not in _METHODS:
            raise AwsError(
                "InvalidRequest",
                f"Found unsupported HTTP method in CORS config. Unsupported method is {method}",
            )
    for name in ("AllowedOrigin", "AllowedHeader"):
        for text in texts[name]:
            if text.count("*") > 1:
                raise AwsError(
                    "InvalidRequest", f'{name} "{text}" can not have more than one wildcard.'
                )


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), text) is not None
