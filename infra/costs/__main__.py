"""`python -m infra.costs`: write the tables of `docs/costs.md` anew."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from chalicelib.generation.catalogue import catalogue
from infra.costs.page import PAGE, PROJECT, SNAPPED, counts, put_in, tables


def plain(*options: str) -> dict[str, Any]:
    """Return a stage's plain template, made in a process of its own, as importing an app must be.

    Raises CalledProcessError.
    """
    command = [sys.executable, "-m", "infra.synthesise", "--stage", "prod", *options]
    made = subprocess.run(  # noqa: S603 - our own interpreter and module
        command, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=True
    )
    template: dict[str, Any] = json.loads(made.stdout)
    return template


def page() -> str:
    """Return the page as it ought to be."""
    made = tables(plain(), plain("--snap-start", SNAPPED), counts(), catalogue())
    return put_in(PAGE.read_text(), made)


if __name__ == "__main__":
    PAGE.write_text(page())
