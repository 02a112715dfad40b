"""One guest: an instance of the interpreter with a program, limits, and messages.

What a guest writes to descriptor 1 are messages, to 2 its output, of which only the amount counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import wasmtime

from functions.run_code.guests import candidate, messages, tests, wire
from functions.run_code.interpreter import Interpreter
from functions.run_code.wasi import STDOUT, GuestExit, TooManyCallsError, WasiHost

MAX_OUTPUT_BYTES = 1_000_000
MAX_MESSAGE_BYTES = 8_000_000
_HEAD = 9
_NAMES = "functions.run_code.guests"
_NEARLY_ALL = 0.9
"""An interpreter that breaks with this share of its memory in use broke for want of more."""


def _source(module: ModuleType) -> Path:
    assert module.__file__ is not None, "a bundle carries sources beside their bytecode"
    return Path(module.__file__)


CANDIDATE, TESTS = _source(candidate), _source(tests)
_LIBRARY = tuple(map(_source, (messages, wire)))


class OutputLimitError(Exception):
    """Raised when a guest writes more than it may."""


class ClosedError(Exception):
    """Raised to end a guest from which nothing more is wanted."""


class ProtocolError(Exception):
    """Raised when a guest does what its program never does; the message says what."""


@dataclass(frozen=True, slots=True)
class GuestLimits:
    """The limits of a guest: instructions, and bytes of memory."""

    fuel: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class GuestEnd:
    """How a guest ended, and what it had used; `kind` is a verdict of `CodeVerdict`, or closed."""

    kind: str
    reason: str
    fuel: int
    memory_bytes: int


@dataclass(slots=True)
class MessageStreams:
    """The streams of a guest: `receive` waits for a message to it, `send` takes one of its own."""

    receive: Callable[[], str]
    send: Callable[[str, str], None]
    _unread: bytes = b""
    _unsent: bytearray = field(default_factory=bytearray)
    _output: int = 0

    def read(self, count: int) -> bytes:
        """Return bytes of the next message."""
        if not self._unread:
            body = self.receive().encode("utf-8", "surrogatepass")
            self._unread = b"%08x\n" % len(body) + body
        part, self._unread = self._unread[:count], self._unread[count:]
        return part

    def write(self, descriptor: int, data: bytes) -> None:
        """Take messages from descriptor 1, and count the rest."""
        if descriptor != STDOUT:
            self._output += len(data)
            if self._output > MAX_OUTPUT_BYTES:
                raise OutputLimitError
            return
        self._unsent += data
        while len(self._unsent) >= _HEAD:
            end = _HEAD + _size_of(bytes(self._unsent[:_HEAD]))
            if len(self._unsent) < end:
                return
            message = bytes(self._unsent[_HEAD:end]).decode("utf-8", "surrogatepass")
            del self._unsent[:end]
            self.send(message[:1], message[1:])


def _size_of(head: bytes) -> int:
    try:
        size = int(head[:-1], 16)
    except ValueError:
        size = 0
    if head[-1:] != b"\n" or size <= 0:
        raise ProtocolError("it wrote what is no message to descriptor 1")
    if size > MAX_MESSAGE_BYTES:
        raise OutputLimitError
    return size


def run_guest(
    interpreter: Interpreter, program: Path, streams: MessageStreams, limits: GuestLimits
) -> GuestEnd:
    """Run a program until it ends or is ended, and say how."""
    store = wasmtime.Store(interpreter.engine)
    store.set_fuel(limits.fuel)
    store.set_epoch_deadline(1)
    store.set_limits(memory_size=limits.memory_bytes)
    linker = wasmtime.Linker(interpreter.engine)
    WasiHost(("python", "-I", "-S", "-B", "-X", "utf8", "-c", _bundle(program)), streams).define(
        linker
    )
    instance = linker.instantiate(store, interpreter.module)
    exports = instance.exports(store)
    start, memory = exports["_start"], exports["memory"]
    assert isinstance(start, wasmtime.Func)
    assert isinstance(memory, wasmtime.Memory)
    kind, reason = _run(lambda: start(store))
    used = memory.data_len(store)
    if kind == "error" and used > _NEARLY_ALL * limits.memory_bytes:
        kind, reason = "out_of_memory", ""
    end = GuestEnd(kind, reason, limits.fuel - store.get_fuel(), used)
    store.close()
    return end


def _run(start: Callable[[], object]) -> tuple[str, str]:
    try:
        start()
    except GuestExit as ended:
        return "error", f"it ended the interpreter with code {ended.code}"
    except OutputLimitError:
        return "output_limit", f"more than {MAX_OUTPUT_BYTES} bytes of output"
    except TooManyCallsError:
        return "out_of_fuel", "it asked the system for time, bytes or output too often"
    except ProtocolError as error:
        return "error", str(error)
    except UnicodeDecodeError:
        return "error", "it wrote what is no message to descriptor 1"
    except ClosedError:
        return "closed", ""
    except wasmtime.Trap as trap:
        return _TRAPS.get(trap.trap_code, ("error", "the interpreter broke: " + _first(trap)))
    except (wasmtime.WasmtimeError, IndexError) as error:
        return "error", f"the interpreter broke: {str(error).splitlines()[0][:200]}"
    return "error", "it ended the interpreter"


def _first(trap: wasmtime.Trap) -> str:
    return trap.message.splitlines()[-1].strip()[:200]


_TRAPS: dict[wasmtime.TrapCode | None, tuple[str, str]] = {
    wasmtime.TrapCode.OUT_OF_FUEL: ("out_of_fuel", ""),
    wasmtime.TrapCode.INTERRUPT: ("timeout", ""),
    wasmtime.TrapCode.STACK_OVERFLOW: ("error", "it recursed deeper than the stack"),
}


def _bundle(program: Path) -> str:
    """Return a program with the modules that it imports as one text."""
    modules = [(file.stem, file.read_text(encoding="utf-8")) for file in _LIBRARY]
    return (
        "import sys\n"
        "def load(name, text):\n"
        "    module = sys.modules[name] = type(sys)(name)\n"
        "    exec(compile(text, name, 'exec'), vars(module))\n"
        "    return module\n"
        f"package = load({_NAMES!r}, '')\n"
        f"for name, text in {modules!r}:\n"
        f"    setattr(package, name, load(name, text))\n"
        f"exec(compile({program.read_text(encoding='utf-8')!r}, '<guest>', 'exec'))\n"
    )
