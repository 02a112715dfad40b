"""Collection of a parallel run, which every worker does whole: they share what is dear in it.

pytest rewrites the assertions of each test module, which takes longer than to import it, and keeps
the result beside the module. On a fresh clone all workers would rewrite every module at the same
time. Instead each imports its share of them first, and then finds those of the others rewritten.
"""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

_TRAINING = "training"
"""The folder of the tests that need torch, which only one of our environments has."""


def modules_below(root: Path, arguments: Sequence[str]) -> list[Path]:
    """Return the test modules of a command line's files and folders, sorted."""
    places = [root / each.partition("::")[0] for each in arguments]
    files = {file for each in places for file in ([each] if each.is_file() else each.rglob("*.py"))}
    has_torch = find_spec("torch") is not None
    return sorted(
        file
        for file in files
        if file.name.startswith("test_") and (has_torch or file.parent.name != _TRAINING)
    )


def share_of(modules: Sequence[Path], worker: int, workers: int) -> Sequence[Path]:
    """Return the part of `modules` that `worker`, counted from 0, imports before all others."""
    return modules[len(modules) * worker // workers : len(modules) * (worker + 1) // workers]


def import_share(config: pytest.Config) -> None:
    """Import this worker's share of the test modules, so that no other rewrites them, too.

    One that cannot be imported is imported again by the collection, which then says why.
    """
    given = getattr(config, "workerinput", None)
    if given is None or sys.dont_write_bytecode:
        return
    worker, workers = int(given["workerid"].removeprefix("gw")), int(given["workercount"])
    modules = modules_below(config.rootpath, config.args)
    for module in share_of(modules, worker, workers):
        name = ".".join(module.relative_to(config.rootpath).with_suffix("").parts)
        with contextlib.suppress(Exception, pytest.skip.Exception):
            import_module(name)


def pause_garbage_collection() -> None:
    """Let the collector wait: what a collection of tests makes stays until the end of the run."""
    gc.disable()


def leave_collected() -> None:
    """Let the garbage collector leave alone what is there, and look more seldom at the rest.

    Modules, tests and torch are a million objects, and a training makes many more for good.
    """
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
