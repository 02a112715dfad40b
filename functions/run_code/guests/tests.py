"""The guest that runs the tests: it asks the other guest for answers, and decides.

It runs inside the sandbox, without the code under test: of that it gets plain values only, so that
nothing which the code does to its own interpreter can change a verdict.
"""

from __future__ import annotations

import builtins

from functions.run_code.guests import messages, wire

MAX_LINE = 200
CALL, PASSED, FAILED, RAISED, BROKEN = "cpfeb"
"""Kinds of messages: a call for the other guest, and verdicts."""
_ANSWER = "a"


class CandidateError(Exception):
    """Raised in place of an exception whose class is none of Python's own."""


class CandidateProxy:
    """Stands for the function under test.

    `shared` tells whether the last answer held a container that was an argument of the call;
    `said` is what the code raised last, and `shown` what it answered last.
    """

    def __init__(self, classes: dict[str, type]) -> None:
        self._classes = classes
        self.shared = False
        self.raised: BaseException | None = None
        self.said = ""
        self.shown = ""

    def __call__(self, *given: object, **named: object) -> object:
        """Return what the code answers, or raise what it raised."""
        messages.send(CALL, wire.encode((given, named), self._classes, {}))
        kind, text = _split(messages.receive())
        if kind == _ANSWER:
            answer, _, marked = wire.decode(text, self._classes)
            self.shared = bool(marked)
            self.shown = f"it returned {_short(answer)}"
            return answer
        self.said = text
        self.raised = _exception(text)
        raise self.raised


def _split(message: str) -> tuple[str, str]:
    return message[:1], message[1:]


def _exception(text: str) -> BaseException:
    name, _, said = text.partition(": ")
    kind = getattr(builtins, name, None)
    # StopIteration would end a `map` of the tests over the code early, and be taken for success.
    if isinstance(kind, type) and issubclass(kind, Exception) and kind is not StopIteration:
        try:
            return kind(said)
        except TypeError:  # Some, such as UnicodeDecodeError, want more arguments.
            pass
    return CandidateError(text)


def _short(value: object) -> str:
    try:
        return repr(value)[:MAX_LINE]
    except BaseException:
        return "what cannot be shown"


def main() -> None:
    """Run the tests of a problem and send the verdict."""
    prelude, tests, entry_point, class_names = (messages.receive() for _ in range(4))
    namespace: dict[str, object] = {"__name__": "tests", "__builtins__": __builtins__}
    try:
        exec(compile(prelude, "<problem>", "exec"), namespace)
        classes = {name: namespace[name] for name in class_names.split()}
        candidate = CandidateProxy(classes)  # type: ignore[arg-type]
        namespace[entry_point] = candidate
        exec(compile(tests, "<tests>", "exec"), namespace)
        check = namespace["check"]
    except BaseException as error:
        messages.send(BROKEN, f"{type(error).__name__}: {_short(error)}")
        return
    try:
        check(candidate)  # type: ignore[operator]
    except AssertionError as error:
        if error is candidate.raised:
            messages.send(RAISED, candidate.said)
        else:
            messages.send(FAILED, _failure(error, tests, candidate))
    except BaseException as error:
        if error is candidate.raised:
            messages.send(RAISED, candidate.said)
        else:
            messages.send(FAILED, f"{type(error).__name__}: {str(error)[:MAX_LINE]}")
    else:
        messages.send(PASSED, "")


def _failure(error: BaseException, tests: str, candidate: CandidateProxy) -> str:
    """Return the line of the tests that failed, and what the code had answered."""
    trace, line = error.__traceback__, 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<tests>":
            line = trace.tb_lineno
        trace = trace.tb_next
    lines = tests.split("\n")
    said = lines[line - 1].strip()[:MAX_LINE] if 0 < line <= len(lines) else ""
    return f"{said}: {candidate.shown}" if candidate.shown else said


if __name__ == "__main__":
    main()
