"""Which addresses a webhook may name, and which network addresses behind a name may be called.

A service that calls what its users name must not reach what only it can reach.
https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from chalicelib.errors import InvalidInput

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""https://www.rfc-editor.org/rfc/rfc6052#section-2.1"""
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes; `resource` is the path with its query."""

    scheme: str
    host: str
    port: int
    resource: str


def target_of(url: str, *, private_allowed: bool) -> Target:
    """Return the target that `url` names.

    Raises:
        InvalidInput: it is no https address of a public host; where `private_allowed`, http and
            any host will do.
    """
    parts = _split(url)
    if parts.scheme not in (_PORTS if private_allowed else ("https",)):
        raise InvalidInput("url must begin with https://.", field="url")
    if parts.username is not None or parts.fragment:
        raise InvalidInput("url must hold neither a user name nor a fragment.", field="url")
    host = parts.hostname or ""
    literal = _literal(host)
    if literal is None and not _HOST.fullmatch(host):
        raise InvalidInput("url names no host, or not in ASCII.", field="url")
    if not private_allowed and (host == "localhost" or (literal and not is_public(host))):
        raise InvalidInput("url must name a public host.", field="url")
    resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not resource.isascii() or not resource.isprintable() or " " in resource:
        raise InvalidInput("url holds characters that must be percent-encoded.", field="url")
    return Target(parts.scheme, host, parts.port or _PORTS[parts.scheme], resource)


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public internet."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return inner.is_global and not inner.is_multicast
    return found.is_global and not found.is_multicast


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidInput("url is not an address.", field="url") from error
    if port == 0:
        raise InvalidInput("url names port 0.", field="url")
    return parts


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
