"""Idempotency-Key: the same key and body get the same answer, whatever happened between.

What a POST does here may be done twice without harm, so the answer is made first and then kept
by a conditional write: of two that race, both return the one that was kept.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Callable

from chalice.app import Request, Response
from pydantic import BaseModel

from chalicelib.api.http import json_response, tenant_of
from chalicelib.errors import Conflict, InvalidInput
from chalicelib.query_ports import AnswerRecords, KeptAnswer

HEADER = "idempotency-key"
KEPT_SECONDS = 24 * 3600
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def once(
    request: Request, records: AnswerRecords, make: Callable[[], BaseModel], status: int = 200
) -> Response:
    """Return the answer of `make`, or the one kept under the request's Idempotency-Key.

    Raises `Conflict` when the key was used with another body or on another path.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return json_response(make(), status)
    if not _KEY.fullmatch(key):
        raise InvalidInput(
            "Idempotency-Key takes 1 to 255 visible ASCII characters.",
            field="Idempotency-Key",
            limit="255",
        )
    tenant, key_hash = tenant_of(request), hashlib.sha256(key.encode()).hexdigest()
    asked = _request_hash(request)
    kept = records.kept_answer(tenant, key_hash)
    if kept is None:
        answer = KeptAnswer(asked, status, zlib.compress(make().model_dump_json().encode()))
        if records.keep_answer(tenant, key_hash, answer, KEPT_SECONDS):
            return _replay(answer)
        kept = records.kept_answer(tenant, key_hash) or answer
    if kept.request_hash != asked:
        raise Conflict(
            "This Idempotency-Key was used for a different request; use a new key.",
            field="Idempotency-Key",
        )
    return _replay(kept)


def _request_hash(request: Request) -> str:
    body = request.raw_body
    raw = body.encode() if isinstance(body, str) else bytes(body)
    # Chalice's path is the route's, with the names of its parameters in place of their values.
    place = json.dumps([request.method, request.path, request.uri_params or {}], sort_keys=True)
    return hashlib.sha256(f"{place}\n".encode() + raw).hexdigest()


def _replay(answer: KeptAnswer) -> Response:
    return json_response(zlib.decompress(answer.body).decode(), answer.status)
