"""Who may knock: programs of this machine, and no web page that a browser here happens to show.

The local cloud trusts whoever reaches it, so a page on another site must not: neither by a
name of its own that resolves to this machine (DNS rebinding, seen in `Host`), nor by a
cross-site request (seen in `Origin`). The API under /v1 asks for a key, which no page has,
and may be called from any origin.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import urlsplit

from localcloud.frontdoor import Environ, StartResponse, WsgiApp

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_API = "/v1/"


def _host(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def refusal(host: str, origin: str | None, path: str) -> str | None:
    """Return why a request is refused, or None when it may come in."""
    if _host(f"//{host}") not in _LOOPBACK:
        return f"The local cloud answers to 127.0.0.1 and localhost only, not to {host!r}."
    foreign = origin is not None and _host(origin) not in _LOOPBACK
    if foreign and not path.startswith(_API):
        return f"The local cloud takes no requests from pages of {origin!r}."
    return None


class LoopbackOnly:
    """A WSGI application that lets only this machine's programs through to another."""

    def __init__(self, inner: WsgiApp) -> None:
        """Guard `inner`."""
        self._inner = inner

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer 403 to a visitor from elsewhere, else hand the request on."""
        why = refusal(
            environ.get("HTTP_HOST", ""),
            environ.get("HTTP_ORIGIN"),
            environ.get("PATH_INFO", "/"),
        )
        if why is None:
            return self._inner(environ, start_response)
        body = json.dumps({"__type": "AccessDeniedException", "message": why}).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response("403 Forbidden", headers)
        return [body]
