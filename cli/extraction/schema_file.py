"""What a command names as its schema: a file of JSON, or a saved extractor."""

from __future__ import annotations

import json
import re
from pathlib import Path

from chalicelib.contracts.extraction_orders import EXTRACTOR_PATTERN, MAX_SCHEMA_BYTES
from cli.failures import UsageError
from cli.output import Json


def extraction_body(named: str) -> Json:
    """Return the fields of a request that say by what is extracted; raise `UsageError`."""
    file = Path(named)
    if file.is_file():
        return {"json_schema": read_schema(file)}
    name, _, version = named.partition("@")
    if file.suffix or "/" in named or not re.fullmatch(EXTRACTOR_PATTERN, name):
        raise UsageError(f"There is no file {named}, and no extractor can have that name.")
    if not version:
        return {"extractor": name}
    if not version.isascii() or not version.isdigit():
        raise UsageError(f"{named}: a version is a number, as in {name}@3.")
    return {"extractor": name, "version": int(version)}


def read_schema(file: Path) -> Json:
    """Return the JSON Schema in a file; raise `UsageError`."""
    try:
        if file.stat().st_size > MAX_SCHEMA_BYTES * 4:
            raise UsageError(f"{file} is too large: a schema has at most {MAX_SCHEMA_BYTES} bytes.")
        schema = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} is no JSON: {error}") from error
    if not isinstance(schema, dict):
        raise UsageError(f"{file} is no JSON Schema: it is not an object.")
    return schema
