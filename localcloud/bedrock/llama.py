"""A chat model in a process of its own, started at the first request and after a crash.

One thread runs requests one after the other. A slow reader of a stream delays no other request.
A caller that goes away, waiting or reading, gives up its turn: the process is ended if it works for
that caller, so that the queue moves on. A request whose turn would come too late is refused, with
its position in the queue and when to come again.
"""

from __future__ import annotations

import json
import math
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from localcloud.errors import AwsError
from localcloud.service import EXTRA_HEADERS, client_gone

_WORKER = Path(__file__).with_name("llama_worker.py")
_SILENCE_TIMEOUT_S = 120.0
MAX_WAIT_S = 15.0
"""How long a request may wait for its turn: callers give up after 25 s, its answer included."""
_FIRST_ANSWER_S = 1.0
"""How long an answer is taken to need before the first one was measured."""
MAX_WAITING = 32
"""More requests would wait past their callers' timeouts and take all threads of the front door."""
_AVERAGED = 4
"""Over about how many answers their time is averaged."""
_STOP_S = 3.0
_GONE_CHECK_S = 0.5

StopType = Literal["eos", "limit", "word"]


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of a generation: its cause, and the counts in the model's own tokens."""

    stop_type: StopType
    tokens_in: int
    tokens_out: int


@dataclass(slots=True, eq=False)
class _QueuedRequest:
    request: Mapping[str, Any]
    messages: queue.SimpleQueue[dict[str, Any]] = field(default_factory=queue.SimpleQueue)
    abandoned: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)


class _ProcessEnded(Exception):  # noqa: N818 - named for what it tells
    """Raised if the process ends before its answer does."""


class LlamaProcess:
    """A chat model in a process of its own, with a queue of requests.

    Args:
        model: path of the model file.
        context: context length in tokens.
        log: path of the process's log.
        silence_s: seconds without output after which the process counts as hung.
        wait_s: seconds that a request may wait for its turn.
        worker: path of the script that the process runs.
    """

    def __init__(
        self,
        model: Path,
        context: int,
        log: Path,
        *,
        silence_s: float = _SILENCE_TIMEOUT_S,
        wait_s: float = MAX_WAIT_S,
        worker: Path = _WORKER,
    ) -> None:
        """Store the settings; the process starts at the first request."""
        self.context = context
        self._model = model
        self._log = log
        self._silence_s = silence_s
        self._wait_s = wait_s
        self._waiting: list[_QueuedRequest] = []
        self._answers = 0
        self._answer_s = _FIRST_ANSWER_S
        self._worker = worker
        self._queue: queue.SimpleQueue[_QueuedRequest | None] = queue.SimpleQueue()
        self._process: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._running: _QueuedRequest | None = None
        self._guard = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The id of the process, or None while it does not run."""
        with self._guard:
            return self._process.pid if self._process is not None else None

    @property
    def is_busy(self) -> bool:
        """Whether a request is being answered."""
        with self._guard:
            return self._running is not None

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered, and none waits."""
        with self._guard:
            return self._running is None and not self._waiting

    def generate(self, request: Mapping[str, Any]) -> Iterator[str | Finish]:
        """Yield the pieces of the answer to a request of llama.cpp's chat endpoint, then `Finish`.

        Raises:
            AwsError: ValidationException if the input is too long, ThrottlingException if its turn
                would come too late, ModelTimeoutException if the model is silent,
                ModelErrorException or ServiceUnavailableException if it fails.
        """
        queued = _QueuedRequest(request)
        is_gone = client_gone()
        self._submit(queued)
        try:
            while True:
                message = self._next_message(queued, is_gone)
                if "text" in message:
                    yield message["text"]
                elif "done" in message:
                    yield Finish(**message["done"])
                    return
                else:
                    raise _model_error(message["error"])
        finally:
            queued.abandoned.set()
            self._end_if_running(queued)

    def stop(self) -> None:
        """End the process; running requests fail."""
        with self._guard:
            self._stopping = True
            self._queue.put(None)
            thread = self._thread
        self._kill()
        if thread is not None:
            thread.join(_STOP_S)

    def _submit(self, queued: _QueuedRequest) -> None:
        with self._guard:
            if self._stopping:
                raise _unavailable("The local cloud is stopping.")
            before = self._count_before(queued)
            if before >= MAX_WAITING or before * self._answer_s > self._wait_s:
                raise self._throttled(before)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._serve, name="bedrock-llama", daemon=True
                )
                self._thread.start()
            self._waiting.append(queued)
            self._queue.put(queued)

    def _count_before(self, queued: _QueuedRequest) -> int:
        """Return how many requests are answered before `queued`, which may not wait yet. Locked."""
        ahead = self._waiting
        if queued in ahead:
            ahead = ahead[: ahead.index(queued)]
        waiting = sum(not other.abandoned.is_set() for other in ahead)
        return waiting + (self._running is not None)

    def _throttled(self, before: int) -> AwsError:
        """Return the refusal of a request that has `before` others before it. Locked."""
        seconds = max(1, math.ceil(before * self._answer_s))
        return AwsError(
            "ThrottlingException",
            f"Too many requests, please wait before trying again: {before} wait before this one for"
            f" the one process of {self._model.parent.name}, which answers for every model here one"
            f" after the other. Its turn would come in about {seconds} s.",
            429,
            **{EXTRA_HEADERS: {"Retry-After": str(seconds)}},
        )

    def _next_message(self, queued: _QueuedRequest, is_gone: Callable[[], bool]) -> dict[str, Any]:
        """Return the next message; waiting in the queue does not count as silence."""
        deadline = time.monotonic() + self._wait_s
        while not queued.begun.wait(_GONE_CHECK_S):
            _check_present(is_gone)
            if time.monotonic() > deadline:
                with self._guard:
                    if not queued.begun.is_set():
                        raise self._throttled(self._count_before(queued))
        deadline = time.monotonic() + self._silence_s
        while (left := deadline - time.monotonic()) > 0:
            with suppress(queue.Empty):
                return queued.messages.get(timeout=min(_GONE_CHECK_S, left))
            _check_present(is_gone)
        raise AwsError(
            "ModelTimeoutException", f"The model said nothing for {self._silence_s:g} s.", 408
        )

    def _serve(self) -> None:
        while (queued := self._queue.get()) is not None:
            with self._guard:
                self._waiting.remove(queued)
                self._running = None if queued.abandoned.is_set() else queued
                queued.begun.set()
            if self._running is None:
                continue
            began = time.monotonic()
            try:
                self._run(queued)
                self._measure(time.monotonic() - began)
            except Exception as error:  # noqa: BLE001 - the thread serves the next one, too
                self._reap()
                queued.messages.put({"error": {"type": "gone", "message": str(error)}})
            finally:
                with self._guard:
                    self._running = None
        self._reap()
        while not self._queue.empty():
            waiting = self._queue.get()
            if waiting is not None:
                message = "The local cloud is stopping."
                waiting.begun.set()
                waiting.messages.put({"error": {"type": "gone", "message": message}})

    def _measure(self, seconds: float) -> None:
        """Let an answer's seconds count in their average."""
        with self._guard:
            self._answers = min(self._answers + 1, _AVERAGED)
            self._answer_s += (seconds - self._answer_s) / self._answers

    def _run(self, queued: _QueuedRequest) -> None:
        stdin, stdout = self._running_pipes()
        if queued.abandoned.is_set():
            return
        stdin.write(json.dumps(queued.request) + "\n")
        stdin.flush()
        for line in stdout:
            message = json.loads(line)
            is_last = "text" not in message
            if is_last:
                with self._guard:
                    self._running = None  # whoever reads the last message must not end the process
            queued.messages.put(message)
            if is_last:
                return
            if queued.abandoned.is_set():
                raise _ProcessEnded("The reader of the answer went away.")
        raise _ProcessEnded(f"The model's process ended; {self._log.name} says why.")

    def _running_pipes(self) -> tuple[IO[str], IO[str]]:
        """Return the pipes to and from the process, which is started if it does not run."""
        if self._process is None or self._process.poll() is not None:
            self._reap()
            self._spawn()
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise _ProcessEnded("The local cloud is stopping.")
        return process.stdin, process.stdout

    def _spawn(self) -> None:
        with self._guard, self._log.open("ab") as log:
            if self._stopping:
                return
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and script
                [sys.executable, "-P", str(self._worker), *self._arguments()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def _arguments(self) -> list[str]:
        threads = max(1, (os.cpu_count() or 1) // 2)
        return [str(self._model), str(self.context), str(threads)]

    def _kill(self) -> None:
        """Kill the process from any thread; the serving thread sees its pipe end and reaps it."""
        with self._guard:
            if self._process is not None:
                self._process.kill()

    def _end_if_running(self, queued: _QueuedRequest) -> None:
        """Kill the process if it still works for this request."""
        with self._guard:
            if self._running is queued and self._process is not None:
                self._process.kill()

    def _reap(self) -> None:
        """Close the process; called by the serving thread, which alone uses its pipes."""
        with self._guard:
            process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):  # a request that it never read is lost with it
                    stream.close()


def _check_present(is_gone: Callable[[], bool]) -> None:
    if is_gone():
        raise _unavailable("The caller went away before the answer.")


def _model_error(error: Mapping[str, Any]) -> AwsError:
    kind, message = error.get("type"), str(error.get("message", ""))
    if kind == "exceed_context_size_error":
        return AwsError("ValidationException", f"Input is too long for requested model. {message}")
    if kind == "invalid_request_error":
        return AwsError("ValidationException", f"The local model can't take this: {message}")
    if kind == "gone":
        return _unavailable(message)
    return AwsError("ModelErrorException", message, 424, originalStatusCode=error.get("code", 500))


def _unavailable(message: str) -> AwsError:
    return AwsError("ServiceUnavailableException", message, 503)
