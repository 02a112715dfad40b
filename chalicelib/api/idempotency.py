"""Idempotency-Key: the same key and body get the same answer, whatever happened between.

What most POSTs do may be done twice without harm, so the answer is made first and then kept by a
conditional write: of two that race, both return the one that was kept. What costs money is noted
before it is begun: of two that race, one pays, and the other is told to come again.
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
    """Where answers are kept."""

    def kept_answer(self, tenant: str, key_hash: str) -> IdempotentResponse | None:
        """Return the answer under the key, None if there is none or it has expired."""

    def keep_answer(
        self, tenant: str, key_hash: str, answer: IdempotentResponse, seconds: int
    ) -> bool:
        """Keep `answer` for `seconds`; False when the key holds one already."""


class PaidResponseRecords(Protocol):
    """Where answers are kept that cost money, and that some are being made. `owner` is the request
    that makes one.
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
"""How long an answer may be in the making: the API's function is stopped after 29 s."""
_MOMENT_SECONDS = 5
_PASSING = (QuotaExceeded, Throttled, Transient)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def once(
    request: Request, records: ResponseRecords, make: Callable[[], BaseModel], status: int = 200
) -> Response:
    """Return the answer of `make`, or the one kept under the request's Idempotency-Key.

    Raises `Conflict` when the key was used with another body or on another path.
    """
    asked = _asked(request)
    if asked is None:
        return json_response(make(), status)
    kept = records.kept_answer(asked.tenant, asked.key_hash)
    if kept is None:
        answer = IdempotentResponse(asked.request_hash, status, _body(make()))
        if records.keep_answer(asked.tenant, asked.key_hash, answer, KEPT_SECONDS):
            return _replay(answer)
        kept = records.kept_answer(asked.tenant, asked.key_hash) or answer
    return _kept(asked, kept)


def paid_once(
    request: Request, records: PaidResponseRecords, make: Callable[[], BaseModel]
) -> Response:
    """Return the answer of `make`, which costs money, or the one kept under the Idempotency-Key.

    That it is being made is noted before, so that of two requests one pays. What failed after it
    was paid for is kept like an answer; what failed before, or may pass, may be asked for again.

    Raises:
        Conflict: the key was used with another body or on another path, or its answer is being
            made right now.
        What `make` raises.
    """
    asked = _asked(request)
    if asked is None:
        return json_response(make())
    kept = records.kept_answer(asked.tenant, asked.key_hash)
    if kept is None:
        owner = request_id_of(request)
        if records.begin_answer(
            asked.tenant, asked.key_hash, asked.request_hash, owner, BEGUN_SECONDS
        ):
            return _made(asked, owner, records, make)
        kept = records.kept_answer(asked.tenant, asked.key_hash)
    if kept is None or (kept.status == BEGUN and kept.request_hash == asked.request_hash):
        raise Conflict(
            "The answer for this Idempotency-Key is being made; ask again in a moment.",
            field="Idempotency-Key",
            retry_after=_MOMENT_SECONDS,
        )
    return _kept(asked, kept)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whose answer it is: of which tenant and key, to which request, told by their hashes."""

    tenant: str
    key_hash: str
    request_hash: str


def _asked(request: Request) -> _Asked | None:
    """Return whose answer it is, None for a request without a key."""
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
    return _Asked(tenant_of(request), key_hash, _request_hash(request))


def _made(
    asked: _Asked, owner: str, records: PaidResponseRecords, make: Callable[[], BaseModel]
) -> Response:
    try:
        answer = IdempotentResponse(asked.request_hash, 200, _body(make()))
    except HeadraceError as error:
        if error.usage is None or isinstance(error, _PASSING):
            with _logged():
                records.drop_answer(asked.tenant, asked.key_hash, owner)
        else:
            told = _body(error_body(error, owner))
            failed = IdempotentResponse(asked.request_hash, STATUS_OF[kind_of(error)], told)
            with _logged():
                records.end_answer(asked.tenant, asked.key_hash, owner, failed, KEPT_SECONDS)
        raise
    with _logged():
        records.end_answer(asked.tenant, asked.key_hash, owner, answer, KEPT_SECONDS)
    return _replay(answer)


@contextmanager
def _logged() -> Iterator[None]:
    """Let what cannot be kept fail without failing a request that is answered and paid for."""
    try:
        yield
    except HeadraceError as error:
        log_refusal(logger(SERVICE), error)


def _kept(asked: _Asked, kept: IdempotentResponse) -> Response:
    if kept.request_hash != asked.request_hash:
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
