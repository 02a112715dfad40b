"""Idempotency-Key: repeated requests with the same key and body get the same response.

Most POSTs may run twice without harm, so the response is made first and then stored by a
conditional write: of two requests that race, both return the stored one. A POST that costs money is
recorded before it begins: of two that race, one pays, and the other is told to try again.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from chalice.app import Request, Response
from pydantic import BaseModel

from chalicelib.api.http import SERVICE, json_response, raw_body, request_id_of, tenant_of
from chalicelib.contracts.http import STATUS_OF, error_body, kind_of
from chalicelib.contracts.idempotency import BEGUN, IdempotentResponse
from chalicelib.errors import (
    Conflict,
    HeadraceError,
    InvalidInput,
    QuotaExceeded,
    Throttled,
    Transient,
)
from chalicelib.observability import log_refusal, logger


class ResponseRecords(Protocol):
    """Stores responses by idempotency key."""

    def kept_answer(self, tenant: str, key_hash: str) -> IdempotentResponse | None:
        """Return the answer under the key, None if there is none or it has expired."""

    def keep_answer(
        self, tenant: str, key_hash: str, answer: IdempotentResponse, seconds: int
    ) -> bool:
        """Keep `answer` for `seconds`; False when the key holds one already."""


class PaidResponseRecords(Protocol):
    """Stores responses that cost money, and marks those that are being made.

    `owner` is the request that makes one.
    """

    def kept_answer(self, tenant: str, key_hash: str) -> IdempotentResponse | None:
        """Return what is kept under the key, None if there is nothing or it has expired."""

    def begin_answer(
        self, tenant: str, key_hash: str, request_hash: str, owner: str, seconds: int
    ) -> bool:
        """Note for `seconds` that `owner` makes an answer now; False where one is there, or being
        made.
        """

    def end_answer(
        self, tenant: str, key_hash: str, owner: str, answer: IdempotentResponse, seconds: int
    ) -> bool:
        """Keep what `owner` made for `seconds`; False where another has taken its place since."""

    def drop_answer(self, tenant: str, key_hash: str, owner: str) -> None:
        """Forget that `owner` makes an answer: it may be asked for again."""


HEADER = "idempotency-key"
KEPT_SECONDS = 24 * 3600
BEGUN_SECONDS = 60
"""Seconds that a request may be recorded as begun: the API's function is stopped after 29 s."""
_MOMENT_SECONDS = 5
_PASSING = (QuotaExceeded, Throttled, Transient)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def run_once(
    request: Request, records: ResponseRecords, make: Callable[[], BaseModel], status: int = 200
) -> Response:
    """Return the response of `make`, or the one stored under the request's Idempotency-Key.

    Raises:
        Conflict: The key was used with another body or on another path.
    """
    identity = _identity(request)
    if identity is None:
        return json_response(make(), status)
    kept = records.kept_answer(identity.tenant, identity.key_hash)
    if kept is None:
        answer = IdempotentResponse(identity.request_hash, status, _body(make()))
        if records.keep_answer(identity.tenant, identity.key_hash, answer, KEPT_SECONDS):
            return _replay(answer)
        kept = records.kept_answer(identity.tenant, identity.key_hash) or answer
    return _replay_checked(identity, kept)


def run_paid_once(
    request: Request, records: PaidResponseRecords, make: Callable[[], BaseModel]
) -> Response:
    """Return the response of `make`, which costs money, or the one stored under the key.

    The beginning is recorded first, so that of two requests one pays. An error after a payment is
    stored like a response; after an earlier or passing error the request may be repeated.

    Raises:
        Conflict: the key was used with another body or on another path, or its answer is being
            made right now.
        What `make` raises.
    """
    identity = _identity(request)
    if identity is None:
        return json_response(make())
    kept = records.kept_answer(identity.tenant, identity.key_hash)
    if kept is None:
        owner = request_id_of(request)
        if records.begin_answer(
            identity.tenant, identity.key_hash, identity.request_hash, owner, BEGUN_SECONDS
        ):
            return _run_recorded(identity, owner, records, make)
        kept = records.kept_answer(identity.tenant, identity.key_hash)
    if kept is None or (kept.status == BEGUN and kept.request_hash == identity.request_hash):
        raise Conflict(
            "The answer for this Idempotency-Key is being made; ask again in a moment.",
            field="Idempotency-Key",
            retry_after=_MOMENT_SECONDS,
        )
    return _replay_checked(identity, kept)


@dataclass(frozen=True, slots=True)
class _Identity:
    """The identity of a stored response: tenant, and hashes of the key and the request."""

    tenant: str
    key_hash: str
    request_hash: str


def _identity(request: Request) -> _Identity | None:
    """Return the identity of the stored response, None for a request without a key."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise InvalidInput(
            "Idempotency-Key takes 1 to 255 visible ASCII characters.",
            field="Idempotency-Key",
            limit="255",
        )
    key_hash = hashlib.sha256(key.encode()).hexdigest()
    return _Identity(tenant_of(request), key_hash, _request_hash(request))


def _run_recorded(
    identity: _Identity, owner: str, records: PaidResponseRecords, make: Callable[[], BaseModel]
) -> Response:
    try:
        answer = IdempotentResponse(identity.request_hash, 200, _body(make()))
    except HeadraceError as error:
        if error.usage is None or isinstance(error, _PASSING):
            with _log_failures():
                records.drop_answer(identity.tenant, identity.key_hash, owner)
        else:
            body = _body(error_body(error, owner))
            failed = IdempotentResponse(identity.request_hash, STATUS_OF[kind_of(error)], body)
            with _log_failures():
                records.end_answer(identity.tenant, identity.key_hash, owner, failed, KEPT_SECONDS)
        raise
    with _log_failures():
        records.end_answer(identity.tenant, identity.key_hash, owner, answer, KEPT_SECONDS)
    return _replay(answer)


@contextmanager
def _log_failures() -> Iterator[None]:
    """Log a failure to store a response instead of failing a request that is paid for."""
    try:
        yield
    except HeadraceError as error:
        log_refusal(logger(SERVICE), error)


def _replay_checked(identity: _Identity, kept: IdempotentResponse) -> Response:
    if kept.request_hash != identity.request_hash:
        raise Conflict(
            "This Idempotency-Key was used for a different request; use a new key.",
            field="Idempotency-Key",
        )
    return _replay(kept)


def _body(answer: BaseModel) -> bytes:
    return zlib.compress(answer.model_dump_json().encode())


def _request_hash(request: Request) -> str:
    # Chalice's path is the route's, with the names of its parameters in place of their values.
    place = json.dumps([request.method, request.path, request.uri_params or {}], sort_keys=True)
    return hashlib.sha256(f"{place}\n".encode() + raw_body(request)).hexdigest()


def _replay(answer: IdempotentResponse) -> Response:
    return json_response(zlib.decompress(answer.body).decode(), answer.status)
