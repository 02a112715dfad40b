"""The guest that runs the code under test: it answers calls, and never sees what is expected.

It runs inside the sandbox. The code may change whatever it likes here, this module included: all
that leaves is answers, and whether they are right is found out in another guest.
"""

from __future__ import annotations

import sys

from functions.run_code.guests import messages, wire

MAX_MESSAGE = 300
SYNTAX, BROKEN, MISSING, READY, ANSWER, RAISED, MEMORY = "sxmravM"
OF_CODE = frozenset((SYNTAX, BROKEN, MISSING, READY, MEMORY))
OF_CALLS = frozenset((ANSWER, RAISED, MEMORY))
"""Kinds of messages: of the code as a whole, and of a call."""


def main() -> None:
    """Define the code, then answer calls until the host sends no more."""
    prelude, code, entry_point, class_names = (messages.receive() for _ in range(4))
    sys.stdout = sys.stderr  # Descriptor 1 carries messages.
    namespace: dict[str, object] = {"__name__": "candidate", "__builtins__": __builtins__}
    if not _define(prelude, code, namespace):
        return
    function = namespace.get(entry_point)
    if not callable(function):
        messages.send(MISSING, entry_point)
        return
    classes = _classes(class_names, namespace)
    messages.send(READY, "")
    while True:
        call = messages.receive()
        try:
            arguments, known, _ = wire.decode(call, classes)
            assert isinstance(arguments, tuple)
            given, named = arguments
            result = function(*given, **named)
            answer = wire.encode(result, classes, known)
        except MemoryError:
            messages.send(MEMORY, "")
        except BaseException as error:  # SystemExit too: the code may try to leave.
            messages.send(RAISED, describe(error))
        else:
            messages.send(ANSWER, answer)


def _define(prelude: str, code: str, namespace: dict[str, object]) -> bool:
    """Run the definitions, and say what is wrong with them, if anything is."""
    try:
        exec(compile(prelude, "<problem>", "exec"), namespace)
        exec(compile(code, "<code>", "exec"), namespace)
    except MemoryError:
        messages.send(MEMORY, "")
    except SyntaxError as error:
        messages.send(SYNTAX, f"{type(error).__name__}: {error.msg}, line {error.lineno}")
    except BaseException as error:
        messages.send(BROKEN, describe(error))
    else:
        return True
    return False


def _classes(names: str, namespace: dict[str, object]) -> dict[str, type]:
    found = {name: namespace.get(name) for name in names.split()}
    return {name: kind for name, kind in found.items() if isinstance(kind, type)}


def describe(error: BaseException) -> str:
    """Return an exception in a line: its class, and what it says."""
    try:
        said = " ".join(str(error).split())[:MAX_MESSAGE]
    except BaseException:  # The class may be the code's own.
        said = ""
    return f"{type(error).__name__[:80]}: {said}" if said else type(error).__name__[:80]


if __name__ == "__main__":
    main()
