"""The addresses that messages of SNS name: to confirm, to unsubscribe, and the certificate.

On AWS they are those of SNS itself, which needs no signature for them: the token, or the ARN of the
subscription, proves who may. A web page knows neither.
https://docs.aws.amazon.com/sns/latest/dg/http-subscription-confirmation-json.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from localcloud.moto.journal import RawCall
from localcloud.sns.messages import CERTIFICATE, PATH, Signer
from localcloud.wire.responses import WireResponse

_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "ConfirmSubscription": ("TopicArn", "Token"),
    "Unsubscribe": ("SubscriptionArn",),
}


class TopicLinks:
    """The WSGI application at `PATH`; `call` makes a call of SNS's API."""

    def __init__(self, call: Callable[[RawCall], WireResponse], signer: Signer) -> None:
        """Answer by `call`, and give the certificate of `signer`."""
        self._call = call
        self._signer = signer

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        status, kind, body = self._answer(environ)
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, environ: Mapping[str, Any]) -> tuple[str, str, bytes]:
        if environ["REQUEST_METHOD"] != "GET":
            return "405 Method Not Allowed", "text/plain", b"Use GET.\n"
        if str(environ.get("PATH_INFO", "")) == f"{PATH}/{CERTIFICATE}":
            return "200 OK", "application/x-pem-file", self._signer.certificate
        query = dict(parse_qsl(str(environ.get("QUERY_STRING", ""))))
        action = query.get("Action", "")
        if action not in _PARAMETERS or set(query) != {"Action", *_PARAMETERS[action]}:
            return "400 Bad Request", "text/plain", b"This is no address of a message of SNS.\n"
        body = urlencode({**query, "Version": "2010-03-31"}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        response = self._call(RawCall("sns", action, "POST", "/", headers, body))
        status = "200 OK" if response.status < 300 else f"{response.status} Error"
        return status, "text/xml", response.body if isinstance(response.body, bytes) else b""
