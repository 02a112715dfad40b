"""The part of the demo that extracts an invoice: its values, and where they stand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cli.documents.put import upload_with_progress
from cli.documents.uploads import Uploader, collect

if TYPE_CHECKING:
    from cli.client import Api
    from cli.output import Json, Output

FOLDER = Path(__file__).parents[2] / "examples" / "extraction"
INVOICE, SCHEMA = FOLDER / "invoice.pdf", FOLDER / "invoice.json"
COLLECTION = "invoices"
WANTED: Mapping[str, object] = {
    "invoice_number": "VH-2025-0317",
    "invoice_date": "2025-03-17",
    "total": 3835.8,
    "delivery_date": None,
}
"""Values that the invoice has, and one that it has not."""
ROWS = 4


def extract_invoice(api: Api, output: Output, settle_seconds: float) -> tuple[str, ...]:
    """Upload the invoice, extract it and show its fields; return what is not as it should be."""
    uploader = Uploader(api, COLLECTION, settle_seconds)
    (uploaded,) = upload_with_progress(uploader, collect([INVOICE]), output).results
    if not uploaded.succeeded:
        return (f"{INVOICE.name}: {uploaded.reason}",)
    body = {
        "json_schema": json.loads(SCHEMA.read_text("utf-8")),
        "document_ids": [uploaded.document_id],
    }
    extraction = api.call("POST", "/v1/extractions", json=body, once=True)
    if not output.as_json:
        output.table(("field", "value", "sure", "page", "read from"), map(_row, shown(extraction)))
    return tuple(wrong(extraction["values"]))


def shown(extraction: Json) -> list[Json]:
    """Return the fields outside of lists, and those of the first row of each list."""
    fields: list[Json] = extraction["shown_fields"]
    return [each for each in fields if "/1" not in each["pointer"]][:12]


def wrong(values: Json) -> list[str]:
    """Return what the values lack of those that the invoice has."""
    found = [
        f"{name} is {values[name]!r}, and should be {wanted!r}"
        for name, wanted in WANTED.items()
        if values[name] != wanted
    ]
    if len(values["lines"]) != ROWS:
        found.append(f"there are {len(values['lines'])} lines, and should be {ROWS}")
    return found


def _row(field: Json) -> tuple[object, ...]:
    evidence = field["evidence"]
    page = evidence[0]["page"] if evidence else ""
    value = "" if field["value"] is None else field["value"]
    return field["pointer"], value, f"{field['confidence']:.2f}", page, field["raw"]
