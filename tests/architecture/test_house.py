"""The house rules that no linter knows."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.ingest_definition import ROOT

MAX_HANDLER_LINES = 15
MAX_APP_LINES = 150
MAX_MODULE_LINES = 400
FUNCTIONS = sorted(path for path in (ROOT / "functions").iterdir() if (path / "core.py").exists())
MODULES = sorted(
    path
    for folder in ("chalicelib", "functions", "localcloud", "infra", "cli")
    for path in (ROOT / folder).rglob("*.py")
)
PRODUCTION = [
    path for path in MODULES if path.relative_to(ROOT).parts[0] in ("chalicelib", "functions")
]

each_function = pytest.mark.parametrize("room", FUNCTIONS, ids=lambda room: room.name)


def test_app_stays_small() -> None:
    assert len((ROOT / "app.py").read_text().splitlines()) <= MAX_APP_LINES


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_outgrows_a_reader(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= MAX_MODULE_LINES


@each_function
def test_a_function_has_its_parts(room: Path) -> None:
    for name in ("handler.py", "core.py", "event.json", "requirements.in"):
        assert (room / name).is_file(), name
    assert json.loads((room / "event.json").read_text())


@each_function
def test_a_handler_parses_runs_and_dumps_and_no_more(room: Path) -> None:
    tree = ast.parse((room / "handler.py").read_text())
    found = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    handler = found["handler"]
    assert (handler.end_lineno or 0) - handler.lineno + 1 <= MAX_HANDLER_LINES


@each_function
def test_a_core_does_no_input_or_output_of_its_own(room: Path) -> None:
    banned = {
        "boto3",
        "os",
        "logging",
        "pathlib",
        "chalicelib.adapters",
        "chalicelib.observability",
    }
    for node in ast.walk(ast.parse((room / "core.py").read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not [name for name in names for ban in banned if f"{name}.".startswith(f"{ban}.")]


def test_the_environment_is_read_by_entry_points_only() -> None:
    for module in PRODUCTION:
        if module.name != "handler.py":
            assert "os.environ" not in module.read_text(), module


def test_importing_any_module_needs_neither_environment_nor_network() -> None:
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in PRODUCTION
    ]
    script = (
        "import importlib, socket, sys\n"
        "def refuse(*args, **kwargs): raise AssertionError('a connection was opened')\n"
        "socket.socket.connect = refuse\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
    )
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", script, "app", *names],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr


def test_no_module_is_named_after_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}
    assert not [path for path in MODULES if path.stem in vague]
