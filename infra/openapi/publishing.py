"""The files that the API serves of itself, as they should be now."""

from __future__ import annotations

import functools
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.openapi.document import document
from infra.openapi.examples import examples
from infra.openapi.page import page
from infra.openapi.routes import PROJECT, Route, of_app, of_template
from infra.written import written_template


@functools.cache
def routes() -> tuple[Route, ...]:
    """Return all routes of the API: those of the app, and those that the template adds."""
    import app

    written = written_template(PROJECT)["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    return (*of_app(app.app.routes), *of_template(written["paths"]))


def described() -> dict[str, Any]:
    """Return the OpenAPI document."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    return document(routes(), project["project"]["version"], examples())


def made() -> Mapping[Path, str]:
    """Return the content of the files, by where they lie."""
    whole, folder = described(), PROJECT / "chalicelib" / "api"
    return {
        folder / "openapi.json": json.dumps(whole, indent=1, ensure_ascii=False) + "\n",
        folder / "docs.html": page(whole),
    }
