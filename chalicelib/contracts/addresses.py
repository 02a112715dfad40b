"""Addresses that the product may call: parsed, and held to the public internet where they must be.

A service that calls URLs of its users must not reach what only it can reach.
https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from chalicelib.errors import InvalidInput

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""https://www.rfc-editor.org/rfc/rfc6052#section-2.1"""
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
"""The only addresses of IPv6 that are routed on the internet; `is_global` lets others pass.

https://www.iana.org/assignments/ipv6-address-space/ipv6-address-space.xhtml
"""
_NOT_ROUTED = (
    ipaddress.ip_network("192.0.0.0/24"),
    ipaddress.ip_network("192.88.99.0/24"),
    ipaddress.ip_network("2001::/23"),
    ipaddress.ip_network("3fff::/20"),
)
"""Special purposes that Python's own table misses or takes for public: protocol assignments, the
anycast address of 6to4 relays, documentation.

https://www.iana.org/assignments/iana-ipv6-special-registry/iana-ipv6-special-registry.xhtml
"""
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """The target of a request; `resource` is the path with its query."""

    scheme: str
    host: str
    port: int
    resource: str


def parse_target(url: str, *, private_allowed: bool) -> HttpTarget:
    """Return the target of `url`.

    Raises:
        InvalidInput: it is not an https address of a public host; with `private_allowed`, http and
            any host are valid.
    """
    parts = _split_url(url)
    if parts.scheme not in (_PORTS if private_allowed else ("https",)):
        raise InvalidInput("url must begin with https://.", field="url")
    if parts.username is not None or parts.fragment:
        raise InvalidInput("url must hold neither a user name nor a fragment.", field="url")
    host = parts.hostname or ""
    literal = _ip_literal(host)
    if literal is None and not _HOST.fullmatch(host):
        raise InvalidInput("url names no host, or not in ASCII.", field="url")
    if not private_allowed and (host == "localhost" or (literal and not is_public(host))):
        raise InvalidInput("url must name a public host.", field="url")
    resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not resource.isascii() or not resource.isprintable() or " " in resource:
        raise InvalidInput("url holds characters that must be percent-encoded.", field="url")
    return HttpTarget(parts.scheme, host, parts.port or _PORTS[parts.scheme], resource)


def is_public(address: str) -> bool:
    """Tell whether an IP address belongs to the public internet.

    An address of IPv6 that leads to one of IPv4 by a gateway is public if that one is.
    """
    found = ipaddress.ip_address(address)
    inner = None if isinstance(found, ipaddress.IPv4Address) else _inner_address(found)
    if inner is not None:
        return _is_routed(inner)
    return _is_routed(found) and (found.version == 4 or found in _GLOBAL_UNICAST)


def _inner_address(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _is_routed(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    special = address.is_multicast or any(address in network for network in _NOT_ROUTED)
    return address.is_global and not special


def _split_url(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidInput("url is not an address.", field="url") from error
    if port == 0:
        raise InvalidInput("url names port 0.", field="url")
    return parts


def _ip_literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
