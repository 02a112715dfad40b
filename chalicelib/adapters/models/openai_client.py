"""Requests to servers of OpenAI's API, and their errors in our words.

A connection that cannot be opened is tried twice, since nothing was sent; a request that was sent
is never repeated, as it may be billed. When the caller's time is over or nobody reads a stream any
more, the connection is closed, by which servers give up a generation. Redirects are not followed.
https://platform.openai.com/docs/guides/error-codes
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, Protocol

from chalicelib.adapters.checked_http import (
    CheckedHttp,
    Resolve,
    SecondsLeft,
    resolve,
    seconds_until,
    with_host,
)
from chalicelib.contracts.addresses import HttpTarget, parse_target
from chalicelib.errors import (
    HeadraceError,
    InvalidInput,
    ModelFailure,
    Throttled,
    Transient,
)
from chalicelib.generation.models import OpenAiBackend

MAX_ANSWER_BYTES = 32 * 1024 * 1024
MAX_ERROR_BYTES = 4_096
RETRY_AFTER_S = 5
"""When a server that cannot be reached or is busy is asked again, where it does not say it."""
MAX_RETRY_AFTER_S = 3_600
_CONNECT_TRIES = 2
_CONNECT_PAUSE_S = 0.2
_PIECE_BYTES = 65_536
_TOO_LARGE = frozenset({400, 413, 415, 422})


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    body: bytes | None


class KeyReader(Protocol):
    """Reads the keys of servers by the names of their secrets, as `ModelKeys` does."""

    def key(self, secret: str, *, fresh: bool = False) -> str:
        """Return the key; with `fresh`, as it is now."""


class OpenAiServers:
    """Sends requests to the servers of added models."""

    def __init__(
        self,
        keys: KeyReader,
        *,
        private_allowed: bool,
        resolve: Resolve = resolve,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Send only to public https addresses, or to any with `private_allowed`."""
        self._keys = keys
        self._http = CheckedHttp(private_allowed, resolve)
        self._sleep = sleep

    def ask(
        self, backend: OpenAiBackend, path: str, body: Mapping[str, Any], seconds: float
    ) -> Mapping[str, Any]:
        """Return the JSON that the server answers within `seconds`.

        Raises:
            Throttled, Transient: it may be asked again; they say when.
            InvalidInput: the model does not take the request.
            ModelFailure: it gave nothing usable, or does not have the model.
            HeadraceError: an operator has to act: the key is refused, the address is not allowed.
        """
        return self._read(backend, _Request("POST", path, _encoded(body)), seconds)

    def listed(self, backend: OpenAiBackend, seconds: float) -> tuple[str, ...]:
        """Return the ids of the models that the server lists. Raises as `ask` does."""
        answer = self._read(backend, _Request("GET", "/models", None), seconds)
        try:
            return tuple(str(entry["id"]) for entry in answer["data"])
        except (KeyError, TypeError) as error:
            raise ModelFailure(f"{_server(backend)} gave no list of models: {error!r}.") from error

    def _read(self, backend: OpenAiBackend, request: _Request, seconds: float) -> Mapping[str, Any]:
        left = seconds_until(time.monotonic() + seconds)
        with self._answered(backend, request, left) as response, _reading(backend, seconds):
            raw = response.read(MAX_ANSWER_BYTES + 1)
            if response.length and len(raw) <= MAX_ANSWER_BYTES:
                raise OSError(f"{response.length} bytes of the answer are missing")
        if len(raw) > MAX_ANSWER_BYTES:
            raise ModelFailure(
                f"{_server(backend)} answered more than {MAX_ANSWER_BYTES:,} bytes.",
                unaccounted=True,
            )
        try:
            answer: Any = json.loads(raw)
        except ValueError as error:
            raise ModelFailure(
                f"{_server(backend)} answered what is not JSON: {error}.", unaccounted=True
            ) from error
        if not isinstance(answer, dict):
            raise ModelFailure(
                f"{_server(backend)} answered JSON that is no object.", unaccounted=True
            )
        return answer

    def stream(
        self, backend: OpenAiBackend, path: str, body: Mapping[str, Any], seconds: float
    ) -> Iterator[bytes]:
        """Yield the answer's bytes as they come, all within `seconds`. Raises as `ask` does."""
        left = seconds_until(time.monotonic() + seconds)
        request = _Request("POST", path, _encoded(body))
        with self._answered(backend, request, left) as response:
            while True:
                with _reading(backend, seconds):
                    piece = response.read1(_PIECE_BYTES)
                if not piece:
                    return
                yield piece

    @contextmanager
    def _answered(
        self, backend: OpenAiBackend, request: _Request, left: SecondsLeft
    ) -> Iterator[HTTPResponse]:
        """Yield a response of status 200; a refused key is read once more, if it was replaced."""
        key = self._keys.key(backend.secret) if backend.secret else ""
        with ExitStack() as stack:
            response = self._send(stack, backend, request, key, left)
            if response.status == 401 and backend.secret:
                current = self._keys.key(backend.secret, fresh=True)
                if current != key:
                    response = self._send(stack, backend, request, current, left)
            if response.status != 200:
                raise _refusal(backend, response)
            yield response

    def _send(
        self,
        stack: ExitStack,
        backend: OpenAiBackend,
        request: _Request,
        key: str,
        left: SecondsLeft,
    ) -> HTTPResponse:
        headers = {"Content-Type": "application/json", "Accept": "*/*", "User-Agent": "headrace"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        try:
            target = parse_target(
                backend.url + request.path, private_allowed=self._http.private_allowed
            )
            connection = self._connect(stack, backend, target, left)
        except InvalidInput as error:
            raise HeadraceError(
                f"{_server(backend)} may not be called: {error.message} The stage's parameter"
                " ModelTargets says which addresses may."
            ) from error
        with _reading(backend, 0.0):
            connection.request(
                request.method, target.resource, request.body, with_host(headers, target)
            )
            return connection.getresponse()

    def _connect(
        self, stack: ExitStack, backend: OpenAiBackend, target: HttpTarget, left: SecondsLeft
    ) -> HTTPConnection:
        for tries_left in reversed(range(_CONNECT_TRIES)):
            try:
                return stack.enter_context(self._http.connect(target, left))
            except (OSError, UnicodeError) as error:
                if not tries_left or isinstance(error, TimeoutError):
                    raise Transient(
                        f"{_server(backend)} cannot be reached ({error!r});"
                        f" try again in {RETRY_AFTER_S} s.",
                        retry_after=RETRY_AFTER_S,
                    ) from error
            self._sleep(_CONNECT_PAUSE_S)
        raise AssertionError("the last try returns or raises")


def _encoded(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def _server(backend: OpenAiBackend) -> str:
    return f"The server of {backend.model_id}"


@contextmanager
def _reading(backend: OpenAiBackend, seconds: float) -> Iterator[None]:
    """Turn what breaks a request that was sent into `Transient`; it may have been billed."""
    try:
        yield
    except TimeoutError as error:
        within = f" within {seconds:g} s" if seconds else " in time"
        raise Transient(f"{_server(backend)} did not answer{within}.", unaccounted=True) from error
    except (HTTPException, OSError, ValueError) as error:
        raise Transient(f"{_server(backend)} broke off: {error!r}.", unaccounted=True) from error


def _refusal(backend: OpenAiBackend, response: HTTPResponse) -> HeadraceError:
    """Return our error for a response of another status than 200."""
    status, server = response.status, _server(backend)
    with _reading(backend, 0.0):
        said = _error_message(response.read(MAX_ERROR_BYTES))
    if status in _TOO_LARGE:
        return InvalidInput(f"The model does not take this: {said}")
    if status in (401, 403):
        return HeadraceError(
            f"{server} refused the key ({status}): {said} Give another by"
            " `headrace models add --replace`."
        )
    if status == 404:
        return ModelFailure(f"{server} has no such model or path (404): {said}")
    if status == 429:
        wait = _retry_after(response)
        return Throttled(f"{server} is busy; try again in {wait} s. {said}", retry_after=wait)
    if status in (408, 425) or status >= 500:
        wait = _retry_after(response)
        return Transient(
            f"{server} failed ({status}); try again in {wait} s. {said}", retry_after=wait
        )
    return ModelFailure(f"{server} answered with status {status}: {said}")


def _retry_after(response: HTTPResponse) -> int:
    """Return the seconds of the header `Retry-After`, within bounds, or our own."""
    try:
        seconds = math.ceil(float(response.headers.get("Retry-After") or RETRY_AFTER_S))
    except (OverflowError, ValueError):  # a date, which servers of models do not send
        seconds = RETRY_AFTER_S
    return min(max(1, seconds), MAX_RETRY_AFTER_S)


def _error_message(raw: bytes) -> str:
    """Return the message within an error's body, which servers nest differently."""
    text = raw.decode("utf-8", "replace").strip()
    try:
        found: Any = json.loads(text)
    except ValueError:
        return text[:300]
    for name in ("error", "message", "detail"):
        if isinstance(found, dict) and found.get(name):
            found = found[name]
    return (found if isinstance(found, str) else json.dumps(found))[:300]
