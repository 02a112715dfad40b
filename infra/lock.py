"""Pinned requirements: one resolution for everything, and each group as a part of it.

`dev.txt` is resolved first and constrains the rest, so that a function is tested with the
very versions that its bundle gets. Markers cover Python 3.11 to 3.13; no file names a host.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
WHOLE = Path("requirements/dev.in")
GROUPS = ("requirements/api.in", "requirements/localcloud.in", "requirements/cli.in")


def sources(project: Path) -> list[Path]:
    """Return the requirement files that are compiled after `dev.in`, project-relative."""
    functions = sorted(project.glob("functions/*/requirements.in"))
    return [Path(group) for group in GROUPS] + [each.relative_to(project) for each in functions]


def compile_one(project: Path, source: Path, constraint: Path | None) -> None:
    """Compile one `.in` file to the `.txt` beside it. Raises CalledProcessError."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal"]
    command += ["--python-version", "3.11", "--no-emit-index-url", "--no-header"]
    command += ["--constraint", str(constraint)] if constraint else []
    target = source.with_suffix(".txt")
    subprocess.run(  # noqa: S603 - our own interpreter and files
        [*command, str(source), "-o", str(target)], cwd=project, check=True, timeout=300
    )


def main() -> int:
    """Compile every requirement file."""
    compile_one(PROJECT, WHOLE, None)
    for source in sources(PROJECT):
        compile_one(PROJECT, source, WHOLE.with_suffix(".txt"))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
