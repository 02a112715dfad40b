"""The house rules that no linter knows."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import PurePath

import pytest

from functions.run_model.handler import TASKS
from tests.architecture.ingest_definition import ROOT

MAX_HANDLER_LINES = 15
MAX_APP_LINES = 150
MAX_MODULE_LINES = 400
TASK_MODULES = [ROOT / "functions" / "run_model" / f"{task}.py" for task in TASKS]
"""The cores of the one package that is deployed as several functions."""
FUNCTIONS = sorted(path.parent for path in (ROOT / "functions").glob("*/handler.py"))
CORES = [
    path
    for room in FUNCTIONS
    for path in ([room / "core.py"] if room.name != "run_model" else TASK_MODULES)
]
MODULES = sorted(
    path
    for folder in ("chalicelib", "functions", "localcloud", "infra", "cli")
    for path in (ROOT / folder).rglob("*.py")
)
SOURCES: Mapping[PurePath, str] = {
    path.relative_to(ROOT): path.read_text(encoding="utf-8")
    for folder in ("chalicelib", "functions", "models", "localcloud", "infra", "cli")
    for path in (ROOT / folder).rglob("*.py")
    if ROOT / "models" / "cache" not in path.parents
}
"""Production modules, whose names and classes are held to the rules on words."""
VAGUE = frozenset(("utils", "util", "helpers", "helper", "manager", "common", "misc"))
RECIPES = {path.name for path in (ROOT / "models" / "recipes").iterdir() if path.is_dir()}
"""Names of recipes, which registries and stages know."""
ACTIVITIES = frozenset(
    (
        "chunking",
        "routing",
        "ranking",
        "reranking",
        "embedding",
        "packing",
        "pricing",
        "streaming",
        "screening",
        "training",
        "tuning",
        "serving",
        "labelling",
        "scoring",
        "rendering",
        "wiring",
    )
)
"""Gerunds that name an activity of the field."""
NOUNS = frozenset(
    (
        *("hosting", "listing", "messaging", "monitoring", "packaging", "processing"),
        *("embed", "feed", "seed", "speed"),
    )
)
"""Nouns that only look like participles; SageMaker's hosting and processing among them."""
PRODUCTION = [
    path for path in MODULES if path.relative_to(ROOT).parts[0] in ("chalicelib", "functions")
]


def test_app_stays_small() -> None:
    assert len((ROOT / "app.py").read_text().splitlines()) <= MAX_APP_LINES


def test_no_module_outgrows_a_reader() -> None:
    lines = {module: len(module.read_text().splitlines()) for module in MODULES}
    assert {module: count for module, count in lines.items() if count > MAX_MODULE_LINES} == {}
    assert len(lines) > 900


def test_a_function_has_its_parts() -> None:
    for room in FUNCTIONS:
        samples = [*room.glob("event.json"), *room.glob("events/*.json")]
        cores = [core for core in CORES if core.parent == room]
        assert len(samples) == len(cores) >= 1, room
        assert all(path.is_file() for path in [*cores, room / "requirements.in"]), room
        assert all(json.loads(sample.read_text()) for sample in samples), room
    assert len(FUNCTIONS) > 20


def test_a_handler_parses_runs_and_dumps_and_no_more() -> None:
    lines = {}
    for room in FUNCTIONS:
        tree = ast.parse((room / "handler.py").read_text())
        found = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        handler = found["handler"]
        lines[room.name] = (handler.end_lineno or 0) - handler.lineno + 1
    assert {room: count for room, count in lines.items() if count > MAX_HANDLER_LINES} == {}


def test_a_core_does_no_input_or_output_of_its_own() -> None:
    banned = {
        "boto3",
        "os",
        "logging",
        "pathlib",
        "chalicelib.adapters",
        "chalicelib.observability",
    }
    wrong = []
    for core in CORES:
        for node in ast.walk(ast.parse(core.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            wrong += [
                (core.parent.name, core.stem, name)
                for name in names
                if any(f"{name}.".startswith(f"{ban}.") for ban in banned)
            ]
    assert wrong == []


def test_the_environment_is_read_by_entry_points_only() -> None:
    others = [module for module in PRODUCTION if module.name != "handler.py"]
    assert [module for module in others if "os.environ" in module.read_text()] == []


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


def words(path: PurePath) -> list[str]:
    """Return the names of a module and of the folders that it lies in, below the top."""
    return list(path.with_suffix("").parts[1:])


def is_vague(path: PurePath) -> bool:
    return not VAGUE.isdisjoint(words(path))


def has_participle(path: PurePath) -> bool:
    """Tell whether a module or folder is named by a participle that is no activity of the field."""
    return any(
        name not in RECIPES
        and name.split("_")[-1] not in ACTIVITIES | NOUNS
        and name.endswith(("ing", "ed"))
        for name in words(path)
    )


def homonyms(sources: Mapping[PurePath, str]) -> dict[str, list[PurePath]]:
    """Return public classes that stand in several modules, with the modules.

    What every function and every recipe declares by the same name is left out.
    """
    places: dict[str, list[PurePath]] = {}
    for path, source in sources.items():
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef) and node.name not in ("Deps", "Parameters"):
                places.setdefault(node.name, []).append(path)
    return {
        name: found for name, found in places.items() if len(found) > 1 and not name.startswith("_")
    }


def test_no_module_is_named_after_nothing() -> None:
    assert [path for path in SOURCES if is_vague(path)] == []
    assert is_vague(PurePath("models/common/gates.py"))
    assert is_vague(PurePath("cli/helpers.py"))


def test_modules_are_nouns_and_no_participles() -> None:
    assert [path for path in SOURCES if has_participle(path)] == []
    assert len(SOURCES) > 800


@pytest.mark.parametrize(
    "path",
    [
        *("chalicelib/adapters/believing.py", "chalicelib/contracts/carried.py"),
        *("models/judging/text.py", "functions/generate_one/call_asking.py"),
    ],
)
def test_a_participle_is_refused(path: str) -> None:
    assert has_participle(PurePath(path))


@pytest.mark.parametrize(
    "path",
    [
        *("chalicelib/prompts/rendering.py", "models/recipes/adapted/loss.py", "infra/seed.py"),
        *("localcloud/sagemaker/processing/runner.py", "chalicelib/budgets/spender.py"),
    ],
)
def test_a_noun_and_an_activity_of_the_field_are_taken(path: str) -> None:
    assert not has_participle(PurePath(path))


def test_a_public_class_name_stands_once_in_production() -> None:
    assert homonyms(SOURCES) == {}


def test_a_homonym_is_refused() -> None:
    one, other = PurePath("a/one.py"), PurePath("b/other.py")
    source = "class Place: ...\nclass Deps: ...\nclass _Own: ...\n"
    assert homonyms({one: source, other: source}) == {"Place": [one, other]}
