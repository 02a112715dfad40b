"""Keys of model servers, in Secrets Manager."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from chalicelib.adapters.aws import translated
from chalicelib.errors import HeadraceError, NotFound

CACHE_SECONDS = 300.0
"""A key that was replaced is read again after this, or as soon as the server refuses it."""


class ModelKeys:
    """Reads keys, and keeps each for a few minutes, since every read is billed."""

    def __init__(
        self,
        client: Any,
        monotonic: Callable[[], float] = time.monotonic,
        seconds: float = CACHE_SECONDS,
    ) -> None:
        self._client = client
        self._monotonic = monotonic
        self._seconds = seconds
        self._kept: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def key(self, secret: str, *, fresh: bool = False) -> str:
        """Return the key that the secret `secret` holds; with `fresh`, as it is now.

        Raises:
            HeadraceError: there is no such secret, or it may not be read.
            Transient, Throttled: Secrets Manager did not answer.
        """
        with self._lock:
            kept = self._kept.get(secret)
            if kept is not None and not fresh and self._monotonic() - kept[0] < self._seconds:
                return kept[1]
        try:
            with translated("reading the key of a model"):
                value = str(self._client.get_secret_value(SecretId=secret)["SecretString"])
        except NotFound as error:
            raise HeadraceError(f"There is no secret {secret}; add the model again.") from error
        with self._lock:
            self._kept[secret] = (self._monotonic(), value)
        return value
