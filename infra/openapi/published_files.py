"""Current content of the files that the API serves about itself."""

from __future__ import annotations

import functools
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.openapi.document import Example, document
from infra.openapi.mcp_tools import tools_file
from infra.openapi.page import page
from infra.openapi.routes import PROJECT, ApiRoute, routes_of_app, routes_of_template
from infra.synthesis.sources import read_sources

FOLDER = Path(__file__).with_name("examples")


def examples(folder: Path = FOLDER) -> dict[str, Example]:
    """Return the examples by operation id."""
    return {file.stem: _read(file) for file in sorted(folder.glob("*.json"))}


def _read(file: Path) -> Example:
    content = json.loads(file.read_text(encoding="utf-8"))
    return Example(content.get("request"), content.get("answers", {}))


@functools.cache
def routes() -> tuple[ApiRoute, ...]:
    """Return all routes of the API: those of the app, and those that the template adds."""
    import app

    written = read_sources(PROJECT)["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    return (*routes_of_app(app.app.routes), *routes_of_template(written["paths"]))


def described() -> dict[str, Any]:
    """Return the OpenAPI document."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    return document(routes(), project["project"]["version"], examples())


def published_files() -> Mapping[Path, str]:
    """Return the content of the files, by path."""
    whole, folder = described(), PROJECT / "chalicelib" / "api"
    return {
        folder / "mcp_tools.json": tools_file(whole),
        folder / "openapi.json": json.dumps(whole, indent=1, ensure_ascii=False) + "\n",
        folder / "docs.html": page(whole),
    }
