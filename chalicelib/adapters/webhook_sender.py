"""Requests to webhooks' receivers: bounded in time and size, never redirected, and only to
public addresses unless the stage says otherwise.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.exceptions import HTTPError

from chalicelib.errors import InvalidInput
from chalicelib.webhooks.requests import WebhookTarget, is_public, parse_target
from chalicelib.webhooks.subscriptions import ReceiverResponse

TIMEOUT = Timeout(connect=3.0, read=7.0)
MAX_ANSWER_BYTES = 1_024

Resolve = Callable[[str, int], Sequence[str]]


def resolve(host: str, port: int) -> list[str]:
    """Return the IP addresses of `host`; raise `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class WebhookSender:
    """Sends requests. It connects to the very address that it checked, so that a name cannot
    lead to a public address when asked and to a private one when called.
    """

    def __init__(self, *, private_allowed: bool, resolve: Resolve = resolve) -> None:
        self._private_allowed = private_allowed
        self._resolve = resolve

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> ReceiverResponse:
        """Return the status that the receiver answered with, or why none came."""
        try:
            target = parse_target(url, private_allowed=self._private_allowed)
            address = self._address(target)
            with _pool(target, address) as pool:
                answer = pool.urlopen(
                    "POST",
                    target.resource,
                    body=body,
                    headers={**headers, "host": _host_header(target)},
                    redirect=False,
                    retries=False,
                    preload_content=False,
                )
                told = answer.read(MAX_ANSWER_BYTES, decode_content=False)
                answer.close()
        except InvalidInput as error:
            return ReceiverResponse(None, error.message)
        except (HTTPError, OSError, UnicodeError) as error:
            return ReceiverResponse(None, f"{type(error).__name__}: {error}"[:500])
        if 200 <= answer.status < 300:
            return ReceiverResponse(answer.status)
        return ReceiverResponse(answer.status, told.decode(errors="replace")[:500])

    def _address(self, target: WebhookTarget) -> str:
        addresses = self._resolve(target.host, target.port)
        if not self._private_allowed:
            hidden = [address for address in addresses if not is_public(address)]
            if hidden:
                raise InvalidInput(f"{target.host} leads to a private address.", field="url")
        if not addresses:
            raise InvalidInput(f"{target.host} has no address.", field="url")
        return addresses[0]


def _pool(target: WebhookTarget, address: str) -> HTTPConnectionPool:
    if target.scheme == "http":
        return HTTPConnectionPool(address, target.port, timeout=TIMEOUT, maxsize=1)
    return HTTPSConnectionPool(
        address,
        target.port,
        timeout=TIMEOUT,
        maxsize=1,
        server_hostname=target.host,
        assert_hostname=target.host,
    )


def _host_header(target: WebhookTarget) -> str:
    host = f"[{target.host}]" if ":" in target.host else target.host
    usual = {"https": 443, "http": 80}[target.scheme]
    return host if target.port == usual else f"{host}:{target.port}"
