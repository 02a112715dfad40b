"""The sandbox: code under test and its tests, each in a guest of its own.

The tests are the only ones to decide, and they see nothing of the code but plain values: whatever
the code does to its interpreter, it can answer rightly or wrongly, and nothing else. A run is
bounded by instructions and memory, which are the same wherever it runs; a clock stands behind both,
for what neither foresees.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import cast

from chalicelib.contracts.functions.run_code import CodeTests, CodeVerdict
from functions.run_code.guest import (
    CANDIDATE,
    TESTS,
    ClosedError,
    GuestEnd,
    GuestLimits,
    MessageStreams,
    ProtocolError,
    run_guest,
)
from functions.run_code.guests import candidate, tests
from functions.run_code.interpreter import Interpreter

WATCHDOG_SECONDS = 30.0
_MB = 1 << 20
_START_FUEL = 2_000_000_000
"""Instructions of the tests beside those of the code: their start, and comparing answers."""


@dataclass(frozen=True, slots=True)
class CodeRun:
    """The verdict on code, why, and what it used."""

    verdict: CodeVerdict
    reason: str
    fuel: int = 0
    memory_bytes: int = 0
    calls: int = 0


@dataclass(slots=True)
class CodeSandbox:
    """Runs code, one at a time."""

    interpreter: Interpreter
    watchdog_seconds: float = WATCHDOG_SECONDS
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, code: str, judged_by: CodeTests) -> CodeRun:
        """Return the verdict on `code`; the same code and tests have the same verdict."""
        if not code.strip():
            return CodeRun("no_code", "there is no code")
        with self._lock:
            watchdog = threading.Timer(
                self.watchdog_seconds, self.interpreter.engine.increment_epoch
            )
            watchdog.start()
            try:
                return _Trial(self.interpreter, code, judged_by).run()
            finally:
                watchdog.cancel()
                watchdog.join()


@dataclass(slots=True)
class _CandidateLine:
    """The messages of the guest that runs the code; its thread serves it, the tests' thread asks.

    `answers` is what it sent, and at last how it ended.
    """

    setup: list[str]
    calls: SimpleQueue[str | None] = field(default_factory=SimpleQueue)
    answers: SimpleQueue[tuple[str, str] | GuestEnd] = field(default_factory=SimpleQueue)
    _owes: bool = True
    _defined: bool = False

    def receive(self) -> str:
        """Return the next part of the setup, then call after call."""
        if self.setup:
            return self.setup.pop(0)
        if self._owes:
            raise ProtocolError("it read on descriptor 0 without an answer to what it was asked")
        call = self.calls.get()
        if call is None:
            raise ClosedError
        self._owes = True
        return call

    def send(self, kind: str, text: str) -> None:
        """Take the answer to a call, or at first to the setup."""
        if not self._owes:
            raise ProtocolError("it wrote an answer to descriptor 1 that nobody had asked for")
        if kind not in (candidate.OF_CALLS if self._defined else candidate.OF_CODE):
            raise ProtocolError("it wrote a message to descriptor 1 that is no answer")
        self._owes = False
        self._defined = True
        self.answers.put((kind, text))


@dataclass(slots=True)
class _Trial:
    """One run: two guests, and the host between them."""

    interpreter: Interpreter
    code: str
    judged_by: CodeTests
    ended: GuestEnd | CodeRun | None = None
    verdict: tuple[str, str] | None = None
    calls: int = 0
    fault: Exception | None = None

    def run(self) -> CodeRun:
        """Let the code define itself, then let the tests call it."""
        names = " ".join(self.judged_by.classes)
        entry_point, prelude = self.judged_by.entry_point, self.judged_by.prelude
        line = _CandidateLine([prelude, self.code, entry_point, names])
        end: list[GuestEnd] = []
        thread = threading.Thread(target=self._serve, args=(line, end), name="candidate")
        thread.start()
        try:
            run = self._judge(line, [prelude, self.judged_by.tests, entry_point, names])
        finally:
            line.calls.put(None)
            thread.join()
        if self.fault is not None:
            raise self.fault  # Ours: it says nothing of the code.
        used = end[0]
        return CodeRun(run.verdict, run.reason, used.fuel, used.memory_bytes, self.calls)

    def _serve(self, line: _CandidateLine, end: list[GuestEnd]) -> None:
        """Run the code's guest; whatever happens, the tests learn that it ended."""
        limits = GuestLimits(self.judged_by.fuel, self.judged_by.memory_mb * _MB)
        ended = GuestEnd("error", "", 0, 0)
        try:
            streams = MessageStreams(line.receive, line.send)
            ended = run_guest(self.interpreter, CANDIDATE, streams, limits)
        except Exception as error:  # noqa: BLE001 - raised again by the thread that waits for it
            self.fault = error
        finally:
            end.append(ended)
            line.answers.put(ended)

    def _judge(self, line: _CandidateLine, setup: list[str]) -> CodeRun:
        first = line.answers.get()
        if (early := self._early(first)) is not None:
            return early

        def receive() -> str:
            if setup:
                return setup.pop(0)
            answer = line.answers.get()
            self.ended = self._early(answer)
            if self.ended is not None:
                raise ClosedError
            kind, text = cast("tuple[str, str]", answer)
            return kind + text

        def send(kind: str, text: str) -> None:
            if kind == tests.CALL:
                self.calls += 1
                line.calls.put(text)
            else:
                self.verdict = (kind, text)
                raise ClosedError

        limits = GuestLimits(_START_FUEL + self.judged_by.fuel, self.judged_by.memory_mb * _MB)
        ended = run_guest(self.interpreter, TESTS, MessageStreams(receive, send), limits)
        if isinstance(self.ended, CodeRun):
            return self.ended
        if self.verdict is None:
            return self._of_tests(ended)
        kind, text = self.verdict
        if kind == tests.PASSED and not self.calls:
            return CodeRun("broken_tests", "the tests never call the code")
        return CodeRun(_VERDICTS[kind], text)

    def _early(self, answer: tuple[str, str] | GuestEnd) -> CodeRun | None:
        """Return the verdict that an answer of the code's guest is, if it is one."""
        if isinstance(answer, GuestEnd):
            return CodeRun(cast("CodeVerdict", answer.kind), answer.reason or self._limit(answer))
        kind, text = answer
        if kind == candidate.MEMORY:
            return CodeRun("out_of_memory", f"more than {self.judged_by.memory_mb} MB")
        early = _EARLY.get(kind)
        return None if early is None else CodeRun(early, text)

    def _limit(self, ended: GuestEnd) -> str:
        if ended.kind == "out_of_fuel":
            return f"more than {self.judged_by.fuel:,} instructions"
        if ended.kind == "out_of_memory":
            return f"more than {self.judged_by.memory_mb} MB"
        return "the watchdog stopped it, which instructions should have done"

    def _of_tests(self, ended: GuestEnd) -> CodeRun:
        """Return the verdict where the tests themselves came to no end.

        Comparing an answer may take more than there is: then the answer is to blame.
        """
        if self.calls and ended.kind in ("out_of_fuel", "out_of_memory", "output_limit"):
            return CodeRun(cast("CodeVerdict", ended.kind), "the tests, on what it answered")
        if ended.kind == "timeout":
            return CodeRun("timeout", "the watchdog stopped the tests")
        if self.calls:
            return CodeRun("error", f"the tests broke on what it answered: {ended.reason}")
        return CodeRun("broken_tests", ended.reason or ended.kind)


_EARLY: dict[str, CodeVerdict] = {
    candidate.SYNTAX: "syntax_error",
    candidate.BROKEN: "error",
    candidate.MISSING: "missing",
}
_VERDICTS: dict[str, CodeVerdict] = {
    tests.PASSED: "passed",
    tests.FAILED: "failed",
    tests.RAISED: "error",
    tests.BROKEN: "broken_tests",
}
