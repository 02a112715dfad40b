"""Client of the HTTP API: bounded timeouts, bounded retries, typed failures."""

from __future__ import annotations

import hashlib
import random
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from cli.failures import ApiError, CorruptTransferError, UnreachableError

Json = dict[str, Any]

ATTEMPTS = 5
_RETRIED = frozenset({429, 500, 502, 503, 504})
_LONGEST_WAIT = 20.0
_MD5 = re.compile("[0-9a-f]{32}")
_XML_FIELD = re.compile("<(Code|Message)>([^<]*)</")


class Api:
    """Client of one Headrace endpoint with one key.

    Requests are retried on a lost connection, on 429 and on 5xx, at most `ATTEMPTS` times, after
    `Retry-After` seconds if the response names them. Every POST that creates something carries an
    Idempotency-Key, so that a retry creates nothing twice.
    """

    def __init__(
        self,
        endpoint: str,
        key: str,
        *,
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.endpoint, self.key = endpoint.rstrip("/"), key
        self._sleep = sleep
        # trust_env: a proxy setting of the shell must not carry loopback requests away.
        local = httpx.URL(self.endpoint).host in {"127.0.0.1", "localhost", "::1"}
        self._http = httpx.Client(timeout=timeout, transport=transport, trust_env=not local)
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def health(self) -> Json:
        """Return the response of `/v1/health`."""
        return self.call("GET", "/v1/health")

    def create_document(
        self, path: str, size: int, collection: str, metadata: Json | None = None
    ) -> Json:
        """Create a document and return where to upload it."""
        body: Json = {"path": path, "bytes": size, "collection": collection}
        if metadata:
            body["metadata"] = metadata
        return self.call("POST", "/v1/documents", json=body, once=True)

    def upload(self, target: Mapping[str, Any], file: Path) -> None:
        """Send `file` to the presigned POST `target` (`url` and `fields`).

        Raises:
            ApiError: it is refused or redirected.
            CorruptTransferError: S3 has stored other bytes than the file has.
        """

        def send() -> httpx.Response:
            with file.open("rb") as content:
                return self._http.post(
                    target["url"], data=dict(target["fields"]), files={"file": content}
                )

        response = self._persist(send)
        if response.status_code >= 300:
            raise _refusal(response)
        with file.open("rb") as content:
            _check_digest(response, hashlib.file_digest(content, _md5).hexdigest(), file)

    def document(self, document_id: str) -> Json:
        """Return one document."""
        return self.call("GET", f"/v1/documents/{quote(document_id, safe='')}")

    def documents(self, **filters: object) -> Iterator[Json]:
        """Yield the documents that match, page by page."""
        params = {name: str(value) for name, value in filters.items() if value is not None}
        while True:
            page = self.call("GET", "/v1/documents", params=params)
            yield from page["items"]
            if not page.get("next_cursor"):
                return
            params["cursor"] = page["next_cursor"]

    def delete_document(self, document_id: str) -> Json:
        """Delete one document with all its versions; return what was removed."""
        return self.call("DELETE", f"/v1/documents/{quote(document_id, safe='')}")

    def retry_document(self, document_id: str) -> Json:
        """Start another attempt at a document that failed; return the document."""
        return self.call("POST", f"/v1/documents/{quote(document_id, safe='')}/retry", once=True)

    def download(self, url: str, file: Path, size: int | None = None) -> None:
        """Download the signed address `url` into `file`, atomically.

        Raises:
            ApiError: it is refused or redirected.
            CorruptTransferError: other bytes came than S3 has stored, or not `size` of them.
        """
        draft = file.with_name(f"{file.name}.part")

        def fetch() -> httpx.Response:
            with self._http.stream("GET", url) as response:
                if response.status_code >= 300:
                    response.read()
                    return response
                digest = _md5()
                with draft.open("wb") as out:
                    for block in response.iter_bytes():
                        digest.update(block)
                        out.write(block)
                _check_digest(response, digest.hexdigest(), file)
                return response

        try:
            response = self._persist(fetch)
            if response.status_code >= 300:
                raise _refusal(response)
            if size is not None and draft.stat().st_size != size:
                raise CorruptTransferError(f"{file} has {draft.stat().st_size} bytes, not {size}.")
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)

    def search(self, body: Json) -> Json:
        """Return the passages for a query."""
        return self.call("POST", "/v1/search", json=body)

    def ask(self, body: Json) -> Json:
        """Return the answer to a question."""
        return self.call("POST", "/v1/ask", json=body, once=True)

    def generate(self, body: Json) -> Json:
        """Return a model's answer."""
        return self.call("POST", "/v1/generations", json=body, once=True)

    def rate(self, body: Json) -> Json:
        """Rate an answer or a search; return the stored rating."""
        return self.call("POST", "/v1/feedback", json=body, once=True)

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Json | None = None,
        params: Mapping[str, str] | None = None,
        once: bool = False,
        redirected: bool = False,
    ) -> Json:
        """Send a request and return its response.

        Args:
            method: The HTTP method.
            path: The path, from `/v1` on.
            json: The body.
            params: The query.
            once: Send a key with it, so that a retry creates nothing twice.
            redirected: Take a redirect for the response. It is not followed: the key must not
                reach another host.
        """
        headers = dict(self._headers)
        if once:
            headers["Idempotency-Key"] = str(uuid.uuid4())
        url = self.endpoint + path
        response = self._persist(
            lambda: self._http.request(method, url, json=json, params=params, headers=headers)
        )
        if response.status_code >= 300 and not (redirected and response.has_redirect_location):
            raise _refusal(response)
        if not response.content:
            return {}
        try:
            body = response.json()
        except ValueError as error:
            raise UnreachableError(f"{url} answered with something that is not JSON.") from error
        if not isinstance(body, dict):
            raise UnreachableError(f"{url} does not answer like Headrace.")
        return body

    def relay(self, path: str, content: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """Send a JSON body as it is, and return the response, whatever it says.

        Raises:
            UnreachableError: Nothing answers.
        """
        sent = {**self._headers, "Content-Type": "application/json", **headers}
        return self._persist(
            lambda: self._http.post(self.endpoint + path, content=content, headers=sent)
        )

    def _persist(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        """Return the response of `send`, retried where that can help."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                response = send()
            except httpx.TransportError as error:
                if attempt == ATTEMPTS:
                    reason = str(error) or type(error).__name__
                    raise UnreachableError(f"Cannot reach {self.endpoint}: {reason}") from error
                self._sleep(_backoff(attempt))
                continue
            if response.status_code not in _RETRIED or attempt == ATTEMPTS:
                return response
            self._sleep(_retry_after(response) or _backoff(attempt))
        raise AssertionError("unreachable: the last attempt returns or raises")


def _backoff(attempt: int) -> float:
    jitter = random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing
    return jitter * min(_LONGEST_WAIT, 0.2 * 2.0**attempt)


def _retry_after(response: httpx.Response) -> float | None:
    try:
        seconds = float(response.headers.get("Retry-After", ""))
    except ValueError:
        return None
    return min(_LONGEST_WAIT, max(0.0, seconds))


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)


def _check_digest(response: httpx.Response, md5: str, file: Path) -> None:
    """Raise `CorruptTransferError` if S3's ETag is an MD5 digest, and another than `md5`.

    It is none of an object that was uploaded in parts or is encrypted with a key of KMS.
    https://docs.aws.amazon.com/AmazonS3/latest/API/RESTCommonResponseHeaders.html
    """
    etag = response.headers.get("ETag", "").strip('"')
    encryption = response.headers.get("x-amz-server-side-encryption", "AES256")
    if _MD5.fullmatch(etag) and encryption == "AES256" and etag != md5:
        raise CorruptTransferError(
            f"{file}: its MD5 digest is {md5}, but that of S3's object is {etag}."
        )


def _refusal(response: httpx.Response) -> ApiError | UnreachableError:
    """Return the failure for a response with a status of 300 or more."""
    try:
        body = response.json()
    except ValueError:
        body = _xml_error(response)
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict):
        return ApiError(
            status=response.status_code,
            type=str(error.get("type") or "Error"),
            message=str(error.get("message") or ""),
            field=error.get("field"),
            limit=error.get("limit"),
            request_id=error.get("request_id"),
        )
    message = body.get("message") or body.get("Message") if isinstance(body, dict) else None
    message = str(message or response.text[:300])
    if response.has_redirect_location:
        # Following would send the file, or the key, to an address that nobody has signed.
        message = (
            f"{message} It redirects to {response.headers['Location']}, which is not followed."
        )
    code = body.get("Code") if isinstance(body, dict) else None
    return ApiError(
        status=response.status_code,
        type=str(code or response.reason_phrase or response.status_code),
        message=message.strip(),
        request_id=response.headers.get("x-amzn-requestid")
        or response.headers.get("x-amz-request-id"),
    )


def _xml_error(response: httpx.Response) -> dict[str, str] | None:
    """Return the code and the message of S3's XML error, or None if it is none."""
    found = _XML_FIELD.findall(response.text[:4096])
    return {name: unescape(value) for name, value in found} or None
