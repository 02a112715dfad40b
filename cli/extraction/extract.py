"""The command `extract`: values from files, or from a collection, by a JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import click

from chalicelib.contracts.extraction_orders import MAX_DOCUMENTS
from chalicelib.extraction.exports import Cell, flat_rows, free_column, table_csv
from cli.documents.put import upload_with_progress
from cli.documents.results import DocumentResult
from cli.documents.uploads import Uploader, collect
from cli.extraction.files import (
    check_schema,
    extraction_body,
    model_body,
    model_options,
    out_option,
    write_output,
)
from cli.extraction.parquet import check_parquet, write_parquet
from cli.failures import ItemsFailedError, UsageError
from cli.jobs import fetch_results, follow, tell
from cli.options import UserContext, user_command
from cli.output import Json, Output

DOCUMENT_COLUMN = "document"
WAIT_SECONDS = 300.0
"""Seconds without progress of an upload after which waiting ends."""


@click.command()
@click.argument("schema")
@click.argument(
    "sources",
    nargs=-1,
    type=click.Path(exists=True, path_type=Path),
    metavar="[FILE_OR_FOLDER...]",
)
@click.option("--collection", default="default", show_default=True, help="Collection to put into.")
@click.option("--split", is_flag=True, help="Take each file as a packet of several documents.")
@model_options
@click.option("--csv", "as_csv", is_flag=True, help="Print a table: a row an item of a list.")
@out_option
@click.option("--allow-partial", is_flag=True, help="Exit with 0 though a list is incomplete.")
@user_command
def extract(  # noqa: PLR0913 - the options of a command
    target: UserContext,
    schema: str,
    sources: tuple[Path, ...],
    collection: str,
    split: bool,
    model: str | None,
    quality: int | None,
    budget: str | None,
    as_csv: bool,
    out: Path | None,
    allow_partial: bool,
) -> None:
    """Extract values from files by SCHEMA, a file or a saved extractor as NAME or NAME@VERSION.

    Of several extractors, with commas between, the one that fits best is taken for each document.

    The files are uploaded and read first; without any, every document of the collection is taken.
    Prints JSON: of one document with each field's evidence, of several one object a document. With
    --csv, or --out FILE.parquet, the values are a table.

    Exits with 1 when a document was not read, or when a list of one is incomplete.
    """
    is_parquet = out is not None and out.suffix == ".parquet"
    if is_parquet:
        check_parquet()
    body: Json = {**extraction_body(schema), **model_body(model, quality, budget)}
    body |= {"split": True} if split else {}
    results = ExtractionResults()
    if sources:
        _check_terms(target, body)
        files = collect(sources)
        if not 0 < len(files) <= MAX_DOCUMENTS:
            raise UsageError(f"There are {len(files)} files; 1 to {MAX_DOCUMENTS} are taken.")
        uploader = Uploader(target.api, collection, WAIT_SECONDS)
        uploaded = upload_with_progress(uploader, files, target.output)
        results.add_uploads(uploaded.results)
        if uploaded.ended_by is not None:
            raise uploaded.ended_by
        ready = [each.document_id for each in uploaded.results if each.succeeded]
        if not ready:
            raise ItemsFailedError
        body["document_ids"] = list(dict.fromkeys(ready))
    else:
        body["collection"] = collection
    answer = target.api.call("POST", "/v1/extractions", json=body, once=True)
    if "job_id" in answer and "kind" in answer:
        results.add_job(target, answer["job_id"])
    else:
        results.documents.append(answer)
    if out is not None and is_parquet:
        write_parquet(results.rows(), out)
    else:
        write_output(results.table() if as_csv else results.json(), out)
    results.check(target.output, allow_partial)


@dataclass(slots=True)
class ExtractionResults:
    """The extractions of a command, and the documents of which there is none."""

    documents: list[Json] = field(default_factory=list)
    failures: list[Json] = field(default_factory=list)
    paths: dict[str, str] = field(default_factory=dict)
    """Paths of uploaded documents by id: a failed document of a job has its id only."""

    def add_uploads(self, uploads: Sequence[DocumentResult]) -> None:
        """Add the files that could not be read, and remember the paths of the others."""
        self.paths |= {each.document_id: each.path for each in uploads if each.document_id}
        self.failures += [
            {"path": each.path, "error": {"type": each.state, "message": each.reason}}
            for each in uploads
            if not each.succeeded
        ]

    def add_job(self, target: UserContext, job_id: str) -> None:
        """Follow a job to its end, and add the results of its documents."""
        job = follow(target.api, job_id, target.output)
        if not job["results"]:
            tell(target.output, job)
            raise ItemsFailedError
        with TemporaryDirectory() as folder:
            for file in fetch_results(target.api, job, Path(folder), target.output):
                if file.suffix == ".jsonl":
                    with file.open(encoding="utf-8", newline="\n") as lines:
                        self.add_lines(map(json.loads, lines))

    def add_lines(self, lines: Iterable[Json]) -> None:
        """Add lines of `results.jsonl` and `errors.jsonl`."""
        for line in lines:
            path = line["path"] or self.paths.get(line["document_id"], "")
            # What a language model failed for has the values that were read without it.
            told = self.failures if line["values"] is None else self.documents
            told.append({**line, "path": path})

    def json(self) -> str:
        """Return one extraction, or a list of all, as JSON."""
        if len(self.documents) == 1 and not self.failures:
            return _dumped(self.documents[0])
        return _dumped([*self.documents, *self.failures])

    def rows(self) -> list[dict[str, Cell]]:
        """Return the values of all documents as rows, each with its document's path."""
        rows = [
            (document["path"], row)
            for document in self.documents
            for row in flat_rows(document["values"])
        ]
        first = free_column(DOCUMENT_COLUMN, {name for _, row in rows for name in row})
        return [{first: path, **row} for path, row in rows]

    def table(self) -> str:
        """Return the rows as CSV."""
        rows = self.rows()
        columns = dict.fromkeys(name for row in rows for name in row)
        return table_csv(tuple(columns) or (DOCUMENT_COLUMN,), rows).decode()

    def check(self, output: Output, allow_partial: bool) -> None:
        """Tell what a person should look at; raise `ItemsFailedError` unless all are whole."""
        failures = [*self.failures, *(each for each in self.documents if each.get("error"))]
        for each in failures:
            error = each["error"]
            named = each.get("path") or each.get("document_id")
            output.notice(f"{named}{_pages(each)}: {error['type']}: {error['message']}", "red")
        for each in self.documents:
            if each["status"] in ("partial", "needs_review"):
                output.notice(f"{each['path']}{_pages(each)}: {each['status']}", "yellow")
                for reason in each.get("reasons", ()):
                    output.notice(f"  {reason}", "yellow")
        partial = any(each["status"] == "partial" for each in self.documents)
        if failures or (partial and not allow_partial):
            raise ItemsFailedError


def _check_terms(target: UserContext, body: Json) -> None:
    """Refuse a schema, or an extractor that does not exist, before files are uploaded for it."""
    if "json_schema" in body:
        check_schema(body)
        return
    version = f"@{body['version']}" if "version" in body else ""
    for named in body.get("extractors", [f"{body.get('extractor')}{version}"]):
        name, _, number = named.partition("@")
        params = {"version": number} if number else {}
        target.api.call("GET", f"/v1/extractors/{quote(name, safe='')}", params=params)


def _pages(of: Json) -> str:
    """Return which pages of a packet a line is of, in words; "" of a whole file."""
    first, last = of.get("first_page"), of.get("last_page")
    return f", pages {first} to {last}" if first and last else ""


def _dumped(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
