"""The sandbox: verdicts on honest code, and on code that would rather not be judged."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import wasmtime

from benchmarks.hostile_code import HOSTILE, JUDGED_BY, HostileCode
from chalicelib.contracts.functions.run_code import CodeTests, CodeVerdict, RunCodeRequest
from chalicelib.errors import ModelFailure
from functions.run_code import core
from functions.run_code.interpreter import Interpreter, load_interpreter
from functions.run_code.sandbox import CodeSandbox
from tests.soak import often

NODES = """class Node:
    def __init__(self, val):
        self.val, self.next = val, None
"""


def checking(*lines: str, **given: object) -> CodeTests:
    body = "".join(f"    {line}\n" for line in lines)
    fields = {"entry_point": "f", "tests": f"def check(candidate):\n{body}", **given}
    return CodeTests.model_validate(fields)


@pytest.mark.parametrize("attempt", HOSTILE, ids=lambda each: each.name)
def test_hostile_code_should_be_stopped_with_its_reason(
    sandbox: CodeSandbox, attempt: HostileCode
) -> None:
    found = sandbox.run(attempt.code, JUDGED_BY)
    assert (found.verdict, attempt.reason in found.reason) == (attempt.verdict, True), found
    assert found.verdict != "passed"


@pytest.mark.parametrize(
    ("code", "verdict", "reason"),
    [
        ("def f(x):\n    return 2 * x\n", "passed", ""),
        ("f = lambda x: x << 1", "passed", ""),
        ("import re, math, heapq\nprint('so')\ndef f(x): return math.floor(2 * x)\n", "passed", ""),
        ("def f(x):\n    return x\n", "failed", "assert candidate(21) == 42: it returned 21"),
        ("def f():\n    return 42\n", "error", "TypeError: f() takes 0 positional"),
        ("def f(x):\n    return x +\n", "syntax_error", "SyntaxError: invalid syntax"),
        ("import nothing\n", "error", "ModuleNotFoundError: No module named 'nothing'"),
        ("f = 42\n", "missing", "f"),
        (" \n", "no_code", "no code"),
    ],
)
def test_honest_code_should_get_its_verdict(
    sandbox: CodeSandbox, code: str, verdict: CodeVerdict, reason: str
) -> None:
    found = sandbox.run(code, JUDGED_BY)
    assert (found.verdict, reason in found.reason) == (verdict, True), found


def test_a_verdict_should_be_the_same_under_load(sandbox: CodeSandbox) -> None:
    code = "import random, time\ndef f(x):\n    print(time.time(), random.random(), {'a', x})\n    return 2 * x\n"  # noqa: E501
    others = [CodeSandbox(sandbox.interpreter) for _ in range(4)]
    with ThreadPoolExecutor(len(others)) as pool:
        times = often(25, 1)
        runs = set(pool.map(lambda each: each.run(code, JUDGED_BY), others * times))
    assert len(runs) == 1
    (run,) = runs
    assert (run.verdict, run.calls) == ("passed", 2)
    assert run.fuel > 0


def test_nothing_should_be_left_of_a_run_for_the_next(sandbox: CodeSandbox) -> None:
    lasting = "import os\nopen('/usr/local/lib/python3.12/os.py', 'w').write('x')\nimport builtins\nbuiltins.left = 1\n"  # noqa: E501
    sandbox.run(lasting + "def f(x): return 2 * x\n", JUDGED_BY)
    code = "import builtins, os\ndef f(x):\n    return hasattr(builtins, 'left'), os.path.getsize(os.__file__)\n"  # noqa: E501
    one, other = sandbox.run(code, JUDGED_BY), sandbox.run(code, JUDGED_BY)
    assert one == other
    assert "(False, " in one.reason


def test_tests_should_see_exceptions_arguments_and_the_identity_of_nodes(
    sandbox: CodeSandbox,
) -> None:
    judged_by = checking(
        "node = Node(3)",
        "node.next = node",
        "same = candidate(node)",
        "assert same.next is same and same.val == 3 and candidate.shared",
        "assert candidate([1], key='k') == [1, 'k']",
        "assert not candidate.shared",
        "try:",
        "    candidate(None)",
        "except ValueError as error:",
        "    assert str(error) == 'nothing'",
        "else:",
        "    raise AssertionError('no error')",
        prelude=NODES,
        classes=["Node"],
    )
    code = (
        "def f(given, key=None):\n"
        "    if given is None: raise ValueError('nothing')\n"
        "    return given + [key] if key else given\n"
    )
    found = sandbox.run(code, judged_by)
    assert (found.verdict, found.calls) == ("passed", 3), found


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (("pass",), "the tests never call the code"),
        (("import os", "os._exit(0)"), "it ended the interpreter with code 0"),
    ],
)
def test_tests_that_do_not_test_should_say_so(
    sandbox: CodeSandbox, lines: tuple[str, ...], reason: str
) -> None:
    found = sandbox.run("def f(x): return x\n", checking(*lines))
    assert (found.verdict, found.reason) == ("broken_tests", reason)


def test_tests_that_are_no_code_should_say_so(sandbox: CodeSandbox) -> None:
    judged_by = CodeTests(entry_point="f", tests="def check(candidate:\n")
    found = sandbox.run("def f(x): return x\n", judged_by)
    assert found.verdict == "broken_tests"
    assert "SyntaxError" in found.reason


def test_the_watchdog_should_stop_what_fuel_does_not(sandbox: CodeSandbox) -> None:
    hasty = CodeSandbox(sandbox.interpreter, watchdog_seconds=0.05)
    judged_by = checking("candidate(1)", fuel=200_000_000_000)
    found = hasty.run("def f(x):\n    while True: pass\n", judged_by)
    assert found.verdict == "timeout"
    assert sandbox.run("def f(x): return 2 * x\n", JUDGED_BY).verdict == "passed"


def test_a_fault_of_the_host_should_not_be_blamed_on_the_code(sandbox: CodeSandbox) -> None:
    engine = sandbox.interpreter.engine
    other = wasmtime.Module(engine, '(module (import "x" "y" (func)) (memory (export "memory") 1))')
    broken = CodeSandbox(Interpreter(engine, other))
    with pytest.raises(wasmtime.WasmtimeError, match="unknown import"):
        broken.run("def f(x): return 2 * x\n", JUDGED_BY)


def test_another_interpreter_should_be_refused(tmp_path: Path, models_pulled: Path) -> None:
    file = tmp_path / "python.wasm"
    with pytest.raises(ModelFailure, match="cannot be read"):
        load_interpreter(file, "0" * 64, tmp_path / "cache")
    file.write_bytes(b"\0asm")
    with pytest.raises(ModelFailure, match="the catalogue names 000"):
        load_interpreter(file, "0" * 64, tmp_path / "cache")


def test_machine_code_should_not_be_loaded_from_where_others_write(tmp_path: Path) -> None:
    file, cache = tmp_path / "python.wasm", tmp_path / "cache"
    file.write_bytes(b"\0asm\1\0\0\0")
    cache.mkdir()
    cache.chmod(0o777)
    sha256 = "93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476"
    with pytest.raises(ModelFailure, match="can be written by others"):
        load_interpreter(file, sha256, cache)
    cache.chmod(0o700)
    for _ in range(2):
        assert load_interpreter(file, sha256, cache).module.exports == []
    (kept,) = cache.glob("*.cwasm")
    kept.write_bytes(b"broken off")
    assert load_interpreter(file, sha256, cache).module.exports == []


def test_the_function_should_say_what_a_run_took(sandbox: CodeSandbox) -> None:
    ticks = iter([10.0, 10.25])
    request = RunCodeRequest(code="def f(x): return 2 * x\n", judged_by=JUDGED_BY)
    found = core.run(request, core.Deps(sandbox, lambda: next(ticks), 2.0))
    assert (found.verdict, found.seconds, found.gb_seconds) == ("passed", 0.25, 0.5)
    assert found.memory_mb > 0


def test_code_should_not_end_the_tests_early(sandbox: CodeSandbox) -> None:
    given = checking("assert all(map(lambda x: candidate(x) == 2 * x, (21, 4)))")
    found = sandbox.run("def f(x):\n    raise StopIteration\n", given)
    assert (found.verdict, found.reason) == ("error", "StopIteration")
