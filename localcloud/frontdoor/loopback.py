"""Refuse requests from web pages of other sites, which the user's browser may show.

The local cloud trusts whoever reaches it, so a page of another site must not: neither by a
name of its own that resolves to this machine (DNS rebinding, seen in `Host`), nor by a
cross-site request (seen in `Origin`). The API under /v1 requires a key, which no such page has,
and may be called from any origin.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import urlsplit

from localcloud.wsgi import Environ, StartResponse, WsgiApp

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_API = "/v1/"


class LoopbackOnly:
    """A WSGI application that passes only requests of this machine's programs to another."""

    def __init__(self, inner: WsgiApp) -> None:
        """Guard `inner`."""
        self._inner = inner

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Pass the request on, or answer 403 if it comes from elsewhere."""
        reason = refusal_reason(
            environ.get("HTTP_HOST", ""),
            environ.get("HTTP_ORIGIN"),
            environ.get("PATH_INFO", "/"),
        )
        if reason is None:
            return self._inner(environ, start_response)
        body = json.dumps({"__type": "AccessDeniedException", "message": reason}).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("403 Forbidden", headers)
        return [body]


def refusal_reason(host: str, origin: str | None, path: str) -> str | None:
    """Return why a request is refused, or None if it is let in."""
    if _hostname(f"//{host}") not in _LOOPBACK:
        return f"The local cloud answers to 127.0.0.1 and localhost only, not to {host!r}."
    is_cross_site = origin is not None and _hostname(origin) not in _LOOPBACK
    if is_cross_site and not path.startswith(_API):
        return f"The local cloud takes no requests from pages of {origin!r}."
    return None


def _hostname(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
