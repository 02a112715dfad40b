"""Write the tables of `docs/costs.md` and README's idle cost: `python -m infra.costs`."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.generation.catalogue import catalogue
from infra.costs.page import (
    PAGE,
    PROJECT,
    README,
    SNAPPED,
    counts,
    put_idle_cost_in,
    put_in,
    tables,
)
from infra.synthesis.cache import cached_synthesis


def plain(*options: str) -> dict[str, Any]:
    """Return the plain template of the stage `prod`, or raise SynthesisError."""
    template: dict[str, Any] = json.loads(cached_synthesis(PROJECT, "--stage", "prod", *options))
    return template


def page() -> str:
    """Return the page with current tables."""
    written = tables(plain(), plain("--snap-start", SNAPPED), counts(), catalogue())
    return put_in(PAGE.read_text(), written)


if __name__ == "__main__":
    PAGE.write_text(page())
    README.write_text(put_idle_cost_in(README.read_text(), plain(), catalogue()))
