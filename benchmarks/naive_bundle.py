"""A function's bundle in the naive form: `python -m benchmarks.naive_bundle`.

`pip install --target` of the function's pinned requirements for the template's Python, and the
whole project beside it, as sources only: what a plain `zip -r` of such a folder would upload. It
exists for comparison, and was written before the bundle that it is compared with.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from infra.packaging import wheels
from infra.packaging.targets import find_target, native_architecture

PROJECT = Path(__file__).resolve().parent.parent
PARTS = ("chalicelib", "cli", "functions", "infra", "localcloud", "models", "statemachines")


def requirements_of(handler: str) -> Path:
    """Return the pinned requirements of the function whose handler is `handler`."""
    if handler.startswith("app."):
        return PROJECT / "requirements" / "api.txt"
    return PROJECT / Path(*handler.split(".")[:-2]) / "requirements.txt"


def build(handler: str, folder: Path) -> Path:
    """Create the naive bundle of the function `handler` in `folder`, and return it."""
    shutil.rmtree(folder, ignore_errors=True)
    pinned = requirements_of(handler)
    folder.mkdir(parents=True)
    folders = dict.fromkeys(wheels.pins(pinned), folder)
    wheels.install(folders, pinned, find_target(native_architecture()))
    sources = shutil.ignore_patterns("__pycache__", ".lock", ".staging")
    for part in PARTS:
        shutil.copytree(PROJECT / part, folder / part, ignore=sources)
    shutil.copy2(PROJECT / "app.py", folder)
    return folder


def main() -> None:
    """Create one bundle."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("handler", help="such as app.app or functions.embed_text.handler.handler")
    parser.add_argument("folder", type=Path)
    chosen = parser.parse_args()
    print(build(chosen.handler, chosen.folder))


if __name__ == "__main__":
    main()
