"""Refuse requests from web pages of other sites, which the user's browser may show.

The local cloud trusts the programs of this machine, and a page of another site must not pass for
one: neither by a name of its own that resolves to this machine (DNS rebinding, seen in `Host`),
nor by a request across sites (seen in `Origin`, or in `Sec-Fetch-Site` where a browser sends no
`Origin`, as for an image). The API requires a key and a presigned URL a signature,
which no such page has, so that they may be called from anywhere.

https://www.w3.org/TR/fetch-metadata/
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from localcloud.frontdoor.request import presigned_service
from localcloud.s3.addresses import BY_PATH, parse_host
from localcloud.wsgi import Environ, StartResponse, WsgiApp

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_HOSTS = _LOOPBACK | {"sync-127.0.0.1", "sync-localhost"}
"""The names of this machine, also with the prefix that boto3 puts before StartSyncExecution's host.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartSyncExecution.html
"""
_OWN_SITES = frozenset({None, "same-origin", "none"})
"""No header: a program; `none`: a user who typed the address."""


@dataclass(frozen=True, slots=True)
class RequestSource:
    """The request line and the headers that say who sent a request."""

    method: str
    target: str
    host: str
    origin: str | None = None
    fetch_site: str | None = None

    @classmethod
    def from_environ(cls, environ: Environ) -> RequestSource:
        """Read the source of a WSGI request."""
        return cls(
            environ.get("REQUEST_METHOD", "GET"),
            environ.get("REQUEST_URI") or environ.get("PATH_INFO", "/"),
            environ.get("HTTP_HOST", ""),
            environ.get("HTTP_ORIGIN"),
            environ.get("HTTP_SEC_FETCH_SITE"),
        )

    @property
    def is_api(self) -> bool:
        """Whether the request is for the API, which requires a key."""
        path = self.target.partition("?")[0]
        return path == "/mcp" or path.startswith(("/v1/", "/.well-known/"))

    @property
    def is_presigned_read(self) -> bool:
        """Whether the request claims to be a presigned read, whose signature S3 verifies."""
        query = self.target.partition("?")[2]
        return self.method == "GET" and presigned_service(query) == "s3"


class LoopbackOnly:
    """A WSGI application that passes only requests of this machine's programs to another."""

    def __init__(self, inner: WsgiApp) -> None:
        """Guard `inner`."""
        self._inner = inner

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Pass the request on, or answer 403 if it comes from elsewhere."""
        reason = refusal_reason(RequestSource.from_environ(environ))
        if reason is None:
            return self._inner(environ, start_response)
        body = json.dumps({"__type": "AccessDeniedException", "message": reason}).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("403 Forbidden", headers)
        return [body]


def refusal_reason(source: RequestSource) -> str | None:
    """Return why a request is refused, or None if it is let in."""
    host, target = _hostname(f"//{source.host}"), source.target
    named = host if target.startswith("/") or target == "*" else _hostname(target)
    if not {host, named} <= _HOSTS and not (host == named and _names_s3(source.host)):
        return f"The local cloud answers to 127.0.0.1 and localhost only, not to {source.host!r}."
    if source.is_api:
        return None
    if source.origin is not None:
        if _hostname(source.origin) in _LOOPBACK:
            return None
        return f"The local cloud takes no requests from pages of {source.origin!r}."
    if source.fetch_site in _OWN_SITES or source.is_presigned_read:
        return None
    return (
        "The local cloud takes no request that a page of another site caused "
        f"(Sec-Fetch-Site: {source.fetch_site})."
    )


def _names_s3(host: str) -> bool:
    """Return whether a `Host` header names S3 or a bucket, which no other site can have.

    Nobody else's name server answers for `BUCKET.localhost` or for S3's own hosts.
    """
    return parse_host(host) != BY_PATH


def _hostname(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
