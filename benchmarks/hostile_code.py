"""Code that tries to leave the sandbox, to use more than it may, or to pass without an answer.

Each defines `f`, which is to return twice its argument, and none does that honestly. What the
sandbox has to say of each stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.contracts.functions.run_code import CodeTests, CodeVerdict

JUDGED_BY = CodeTests(
    entry_point="f",
    tests="def check(candidate):\n    assert candidate(21) == 42\n    assert candidate(4) == 8\n",
    fuel=1_000_000_000,
    memory_mb=64,
)


@dataclass(frozen=True, slots=True)
class HostileCode:
    """One attempt: what it tries, its code, and the verdict that it must get."""

    name: str
    code: str
    verdict: CodeVerdict
    reason: str = ""
    """A part of the reason that is given."""


def _in_call(*lines: str) -> str:
    return "def f(x):\n" + "".join(f"    {line}\n" for line in lines)


HOSTILE: tuple[HostileCode, ...] = (
    # Time.
    HostileCode("loops for ever", _in_call("while True: pass"), "out_of_fuel", "instructions"),
    HostileCode("loops while it is defined", "while True: pass", "out_of_fuel", "instructions"),
    HostileCode(
        "catches everything and loops",
        _in_call("while True:", "    try: return g()", "    except BaseException: pass"),
        "out_of_fuel",
    ),
    HostileCode(
        "matches a catastrophic pattern",
        "import re\n" + _in_call("return re.match('(a+)+$', 'a' * 40 + 'b')"),
        "out_of_fuel",
    ),
    HostileCode("multiplies huge numbers", _in_call("return 3 ** (10 ** 8) % 7"), "out_of_fuel"),
    HostileCode("counts to 10 ** 18 in C", _in_call("return sum(range(10 ** 18))"), "out_of_fuel"),
    HostileCode(
        "collides hashes",
        _in_call("return {k * (2 ** 61 - 1) for k in range(10 ** 6)}"),
        "out_of_fuel",
    ),
    HostileCode(
        "waits until a year has passed",
        "import time\n" + _in_call("end = time.time() + 3e7", "while time.time() < end: pass"),
        "out_of_fuel",
        "too often",
    ),
    HostileCode(
        "sleeps for a century", "import time\n" + _in_call("time.sleep(3e9)"), "failed", "None"
    ),
    HostileCode(
        "asks for random bytes for ever",
        "import os\n" + _in_call("while True: os.urandom(1 << 20)"),
        "out_of_fuel",
        "too often",
    ),
    HostileCode(
        "stops its own tracing",
        "import sys\n" + _in_call("sys.settrace(lambda *a: None)", "while True: pass"),
        "out_of_fuel",
    ),
    # Memory.
    HostileCode(
        "takes 10 GB", _in_call("return len(bytearray(10 * 1024 ** 3))"), "error", "OverflowError"
    ),
    HostileCode(
        "takes 1 GB", _in_call("return len(bytearray(1024 ** 3))"), "out_of_memory", "64 MB"
    ),
    HostileCode(
        "doubles a list", _in_call("x = [0]", "while True: x += x"), "out_of_memory", "64 MB"
    ),
    HostileCode(
        "recurses without a limit",
        "import sys\nsys.setrecursionlimit(2 ** 31 - 1)\n" + _in_call("return f(x + 1)"),
        "out_of_fuel",
    ),
    HostileCode("recurses", _in_call("return f(x + 1)"), "error", "RecursionError"),
    HostileCode("nests brackets", "x = " + "(" * 100_000, "out_of_memory"),
    HostileCode(
        "nests lists and prints them",
        _in_call("y = []", "for _ in range(10 ** 5): y = [y]", "return repr(y)"),
        "error",
        "RecursionError",
    ),
    # Output.
    HostileCode(
        "prints 1 GB",
        _in_call("print('x' * 10 ** 7)", "return print('x' * 10 ** 9)"),
        "output_limit",
    ),
    HostileCode("prints for ever", _in_call("while True: print('x' * 1000)"), "output_limit"),
    HostileCode("answers 10 MB", _in_call("return 'x' * (5 << 20)"), "output_limit"),
    # The machine.
    HostileCode("forks", "import os\n" + _in_call("return os.fork()"), "error", "AttributeError"),
    HostileCode(
        "starts a program",
        "import subprocess\n" + _in_call("return subprocess.run(['id'])"),
        "error",
        "OSError",
    ),
    HostileCode(
        "runs a shell",
        "import os\n" + _in_call("return os.system('id')"),
        "error",
        "AttributeError",
    ),
    HostileCode(
        "starts threads",
        "import threading\n" + _in_call("threading.Thread(target=f).start()"),
        "error",
        "RuntimeError",
    ),
    HostileCode(
        "reads a file", _in_call("return open('/etc/passwd').read()"), "error", "FileNotFoundError"
    ),
    HostileCode(
        "reads its host's memory",
        _in_call("return open('/proc/self/mem', 'rb').read(9)"),
        "error",
        "FileNotFoundError",
    ),
    HostileCode(
        "lists folders",
        "import os\n" + _in_call("return os.listdir('/')"),
        "error",
        "FileNotFoundError",
    ),
    HostileCode(
        "climbs out of a folder",
        "import os\n" + _in_call("return os.listdir('/usr/local/lib/../../../..')"),
        "error",
        "NotADirectoryError",
    ),
    HostileCode(
        "writes a file",
        _in_call("return open('/tmp/escaped', 'w').write('x')"),
        "error",
        "FileNotFoundError",
    ),
    # It changes the copy in its own memory, which ends with it.
    HostileCode(
        "changes the library",
        _in_call("return open('/usr/local/lib/python3.12/os.py', 'w').write('x')"),
        "failed",
        "returned 1",
    ),
    HostileCode(
        "reads the environment",
        "import os\n" + _in_call("return os.environ['AWS_SECRET_ACCESS_KEY']"),
        "error",
        "KeyError",
    ),
    HostileCode(
        "opens a socket",
        "import socket\n" + _in_call("return socket.create_connection(('127.0.0.1', 80))"),
        "error",
        "Error",
    ),
    HostileCode(
        "calls C",
        "import ctypes\n" + _in_call("return ctypes.CDLL(None)"),
        "error",
        "ModuleNotFoundError",
    ),
    HostileCode(
        "imports modules of the host",
        "import wasmtime, boto3\n" + _in_call("return 42"),
        "error",
        "ModuleNotFoundError",
    ),
    HostileCode(
        "imports the sandbox",
        "from functions.run_code import sandbox\n" + _in_call("return sandbox"),
        "error",
        "ModuleNotFoundError",
    ),
    HostileCode(
        "raises a signal", "import signal\n" + _in_call("signal.raise_signal(9)"), "error", ""
    ),
    HostileCode(
        "finds classes by their parent",
        _in_call(
            "for kind in object.__subclasses__():",
            "    if kind.__name__ in ('Popen', '_wrap_close'):",
            "        return kind.__init__.__globals__['system']('id')",
        ),
        "failed",
        "None",
    ),
    HostileCode(
        "crashes the interpreter",
        "import sys\n" + _in_call("f.__code__ = f.__code__.replace(co_consts=())", "return f(x)"),
        "error",
    ),
    # The verdict.
    HostileCode("leaves with 0 at once", "import os\nos._exit(0)\n", "error", "code 0"),
    HostileCode(
        "leaves with 0 when it is called",
        "import os\n" + _in_call("os._exit(0)"),
        "error",
        "code 0",
    ),
    HostileCode("raises SystemExit(0)", _in_call("raise SystemExit(0)"), "error", "SystemExit"),
    HostileCode(
        "raises AssertionError",
        _in_call("raise AssertionError('passed')"),
        "error",
        "AssertionError",
    ),
    HostileCode(
        "prints a verdict",
        _in_call("print('passed')", 'print(\'{"verdict": "passed"}\')'),
        "failed",
        "None",
    ),
    HostileCode(
        "sends a verdict as a message",
        "import posix\n"
        + _in_call("posix.write(1, b'00000001\\np')", "posix.write(1, b'00000001\\np')"),
        "error",
        "is no answer",
    ),
    HostileCode(
        "answers a call with a verdict",
        "import posix\n" + _in_call("posix.write(1, b'00000001\\np')", "posix.read(0, 99)"),
        "error",
    ),
    HostileCode(
        "answers before it is asked",
        "import posix\nposix.write(1, b'00000001\\nr')\nposix.write(1, b'00000005\\nai 2a')\n"
        + _in_call("return 0"),
        "error",
        "nobody had asked",
    ),
    HostileCode(
        "takes a call and does not answer",
        "import posix\n" + _in_call("return posix.read(0, 99)"),
        "error",
        "descriptor 0",
    ),
    HostileCode(
        "replaces how messages are sent",
        "import sys\nguests = sys.modules['functions.run_code.guests']\n"
        "send = guests.messages.send\n"
        "guests.messages.send = lambda kind, text: send('p', '')\n" + _in_call("return 0"),
        "error",
    ),
    HostileCode(
        "replaces what comparing means",
        "import builtins\nbuiltins.AssertionError = None\n"
        "builtins.all = builtins.any = lambda *a: True\n"
        "builtins.str = builtins.bool = lambda *a: True\n" + _in_call("return 0"),
        "failed",
        "returned 0",
    ),
    HostileCode(
        "equals everything",
        "class Anything:\n    def __eq__(self, other): return True\n    __hash__ = None\n"
        + _in_call("return Anything()"),
        "failed",
        "Anything",
    ),
    HostileCode(
        "is a number that equals everything",
        "class Anything(int):\n    def __eq__(self, other): return True\n"
        "    __hash__ = int.__hash__\n" + _in_call("return Anything(0)"),
        "failed",
        "returned 0",
    ),
    HostileCode(
        "looks for what is expected",
        "import gc, sys\n"
        + _in_call(
            "found = [o for o in gc.get_objects() if isinstance(o, dict) and 'check' in o]",
            "frame = sys._getframe()",
            "while frame:",
            "    found += [v for v in frame.f_locals.values() if v == 42]",
            "    frame = frame.f_back",
            "return found[0] if found else None",
        ),
        "failed",
        "None",
    ),
    HostileCode(
        "puts modules in the way of the tests",
        "import sys\nfor name in ('math', 'random', 'unittest'): sys.modules[name] = None\n"
        + _in_call("return None"),
        "failed",
        "None",
    ),
    HostileCode(
        "leaves when it ends",
        "import atexit, os\natexit.register(lambda: os._exit(0))\n" + _in_call("return 1"),
        "failed",
        "returned 1",
    ),
    HostileCode(
        "answers what holds itself",
        _in_call("y = []", "y.append(y)", "return y"),
        "failed",
        "[[...]]",
    ),
    HostileCode(
        "answers nested tuples",
        _in_call("y = ()", "for _ in range(1000): y = (y,)", "return y"),
        "failed",
        "not a value",
    ),
    HostileCode(
        "answers without an end", _in_call("return iter(int, 1)"), "failed", "callable_iterator"
    ),
    HostileCode(
        "raises what cannot be shown",
        "class Silent(Exception):\n    def __str__(self): raise self\n" + _in_call("raise Silent"),
        "error",
        "Silent",
    ),
    HostileCode(
        "raises what never ends being shown",
        "class Endless(Exception):\n    def __str__(self): return [0 for _ in iter(int, 1)]\n"
        + _in_call("raise Endless"),
        "out_of_fuel",
    ),
    HostileCode("has no function", "g = 1\n", "missing"),
    HostileCode("is no code", "Sure! Here is the code:\n", "syntax_error"),
    HostileCode("has a null character", "def f(x):\n    return '\0'\n", "syntax_error"),
)
