"""The Lambda function `stream_chat`, which runs its own loop: see `bootstrap`."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.lambda_runtime import serve
from chalicelib.api.proxy_events import request_id_in
from chalicelib.contracts.generations import Call, ChatCall, Generation, Terms
from chalicelib.contracts.http import Streamed
from chalicelib.generation.dependencies import CallLimits
from chalicelib.observability import log_refusal, logger, observed, spent, told_under
from chalicelib.settings import MediaSettings
from chalicelib.wiring.generation import generator
from functions.stream_chat import core
from functions.stream_chat.route import BoundedRouteGenerator, Deps, Piece

if TYPE_CHECKING:
    from chalicelib.budgets.spender import Spender
    from chalicelib.errors import HeadraceError

SERVICE = "stream_chat"
MOST_SECONDS = 290.0
"""The seconds that an answer may take, of the 300 s after which Lambda stops the function."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A generator that counts its receipts as spending of the stage and keeps the time limit.

    It ends an answer while there is time to report that. `clock` is the one by which time is
    counted.
    """

    generator: BoundedRouteGenerator
    clock: Callable[[], float] = time.monotonic

    def generate(self, call: Call, terms: Terms, spender: Spender) -> Generation:
        """Return the answer."""
        generation = self.generator.generate(call, terms, spender, limits=self._bounds())
        spent(generation.receipt)
        return generation

    def stream(self, call: ChatCall, terms: Terms, spender: Spender) -> Iterator[Piece]:
        """Yield the answer in pieces as the model writes it, and the whole generation last."""
        for piece in self.generator.stream(call, terms, spender, limits=self._bounds()):
            if isinstance(piece, Generation):
                spent(piece.receipt)
            yield piece

    def _bounds(self) -> CallLimits:
        return CallLimits(deadline=self.clock() + MOST_SECONDS)


@functools.cache
def deps() -> Deps:
    """Return the collaborators of the core, built once per process."""
    from chalicelib.adapters import aws
    from chalicelib.adapters.models.speech_functions import SoundFunction
    from chalicelib.generation.catalogue import catalogue
    from chalicelib.rollouts.models import DividedGenerator
    from chalicelib.screening.answer_checks import lambda_cost
    from chalicelib.wiring.captures import call_recorder
    from chalicelib.wiring.rollouts import live_traffic

    traffic, recorder = live_traffic(os.environ), call_recorder(os.environ)
    settings = MediaSettings.from_environ(os.environ)
    return Deps(
        Counted(DividedGenerator(generator(os.environ), traffic, recorder)),
        log_error,
        lambda: datetime.now(UTC),
        os.environ.get("HEADRACE_ALLOWED_ORIGINS", "none"),
        SoundFunction(aws.decodings(), settings.media_function),
        lambda_cost(catalogue().cost, settings.media_memory_mb),
    )


def handler(event: dict[str, Any], context: object = None) -> Streamed:
    """Answer API Gateway's proxy `event` with a stream."""
    request_id = request_id_in(event)
    with observed(SERVICE, request_id):
        answer = core.run(event, deps())
    return replace(answer, body=told_under(SERVICE, request_id, answer.body))


def log_error(error: HeadraceError) -> None:
    """Log an error that the caller cannot be told."""
    log_refusal(logger(SERVICE), error, answered=True)


if __name__ == "__main__":
    serve(handler, os.environ["AWS_LAMBDA_RUNTIME_API"])
