"""A chat model in a process of its own: started at the first request, restarted after a crash.

Requests are answered one after the other by one thread, so that a slow reader of a stream
keeps nobody waiting, and a reader that goes away ends the process rather than the queue.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from localcloud.errors import AwsError

_WORKER = Path(__file__).with_name("llama_worker.py")
_SILENCE_S = 120.0
_QUEUE_S = 600.0
MOST_WAITING = 32
"""More would wait longer than their callers do, and take every thread of the front door."""
_STOP_S = 3.0

StopType = Literal["eos", "limit", "word"]


@dataclass(frozen=True, slots=True)
class Finish:
    """How a generation ended, in the model's own tokens."""

    stop_type: StopType
    tokens_in: int
    tokens_out: int


@dataclass(slots=True)
class _Job:
    request: Mapping[str, Any]
    answers: queue.SimpleQueue[dict[str, Any]] = field(default_factory=queue.SimpleQueue)
    abandoned: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)


class _Gone(Exception):  # noqa: N818 - named for what it tells
    """The process ended, or was ended, before its answer did."""


class Llama:
    """The model at `model`, with room for `context` tokens. Its log goes to the file `log`.

    One that says nothing for `silence_s` seconds is taken for hung. `worker` is the script of
    its process.
    """

    def __init__(
        self,
        model: Path,
        context: int,
        log: Path,
        *,
        silence_s: float = _SILENCE_S,
        worker: Path = _WORKER,
    ) -> None:
        """Start nothing yet."""
        self.context = context
        self._model = model
        self._log = log
        self._silence_s = silence_s
        self._worker = worker
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._process: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._guard = threading.Lock()

    @property
    def pid(self) -> int | None:
        """Return the id of the process, or None while there is none."""
        with self._guard:
            return self._process.pid if self._process is not None else None

    def generate(self, request: Mapping[str, Any]) -> Iterator[str | Finish]:
        """Yield the pieces of the answer to a request of llama.cpp's chat endpoint, then its end.

        Raises AwsError: ValidationException if the input is too long, ThrottlingException if too
        many wait, ModelTimeoutException if the model falls silent, ModelErrorException or
        ServiceUnavailableException if it fails.
        """
        job = _Job(request)
        self._submit(job)
        try:
            while True:
                message = self._next(job)
                if "text" in message:
                    yield message["text"]
                elif "done" in message:
                    yield Finish(**message["done"])
                    return
                else:
                    raise _failure(message["error"])
        finally:
            job.abandoned.set()

    def stop(self) -> None:
        """End the process; requests under way fail."""
        with self._guard:
            self._stopping = True
            self._jobs.put(None)
            thread = self._thread
        self._kill()
        if thread is not None:
            thread.join(_STOP_S)

    def _submit(self, job: _Job) -> None:
        with self._guard:
            if self._stopping:
                raise _unavailable("The local cloud is stopping.")
            if self._jobs.qsize() >= MOST_WAITING:
                raise AwsError(
                    "ThrottlingException",
                    "Too many requests, please wait before trying again."
                    f" ({MOST_WAITING} wait for the one local model already.)",
                    429,
                )
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._serve, name="bedrock-llama", daemon=True
                )
                self._thread.start()
            self._jobs.put(job)

    def _next(self, job: _Job) -> dict[str, Any]:
        """Return the next message; a request whose turn has not come is not silence."""
        if not job.begun.wait(_QUEUE_S):
            raise _unavailable(f"{_QUEUE_S:.0f} s went by before the model was free.")
        try:
            return job.answers.get(timeout=self._silence_s)
        except queue.Empty:
            self._kill()
            raise AwsError(
                "ModelTimeoutException", f"The model said nothing for {self._silence_s:g} s.", 408
            ) from None

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.begun.set()
            if job.abandoned.is_set():
                continue
            try:
                self._run(job)
            except (_Gone, OSError) as error:
                self._reap()
                job.answers.put({"error": {"type": "gone", "message": str(error)}})
        self._reap()
        while not self._jobs.empty():
            left = self._jobs.get()
            if left is not None:
                message = "The local cloud is stopping."
                left.begun.set()
                left.answers.put({"error": {"type": "gone", "message": message}})

    def _run(self, job: _Job) -> None:
        into, out = self._started()
        into.write(json.dumps(job.request) + "\n")
        into.flush()
        for line in out:
            message = json.loads(line)
            job.answers.put(message)
            if "text" not in message:
                return
            if job.abandoned.is_set():
                raise _Gone("The reader of the answer went away.")
        raise _Gone(f"The model's process ended; {self._log.name} says why.")

    def _started(self) -> tuple[IO[str], IO[str]]:
        """Return the pipes to and from a process that runs."""
        if self._process is None or self._process.poll() is not None:
            self._reap()
            self._spawn()
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise _Gone("The local cloud is stopping.")
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
        """End the process, from any thread; the one that serves sees its pipe end and reaps."""
        with self._guard:
            if self._process is not None:
                self._process.kill()

    def _reap(self) -> None:
        """Be done with the process, from the thread that serves, which alone uses its pipes."""
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


def _failure(error: Mapping[str, Any]) -> AwsError:
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
