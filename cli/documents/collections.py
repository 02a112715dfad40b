"""The command `collections`: list, show, declare and forget collections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args
from urllib.parse import quote

import click

from chalicelib.contracts.filters import FieldType
from cli.client import Api
from cli.failures import ApiError, UsageError
from cli.options import UserContext, user_command
from cli.output import Json

_PLACE = "/v1/collections"
_DECLARED = ("description", "fields", "strict", "picture_model", "transcriber", "extractor")
_TYPES = get_args(FieldType)


@click.group()
def collections() -> None:
    """List and show collections, and declare their fields, models and extractor."""


@collections.command("ls")
@user_command
def ls(target: UserContext) -> None:
    """List collections with the number of documents in each status."""
    page = target.api.call("GET", _PLACE)
    if target.output.as_json:
        target.output.json(page)
        return
    target.output.table(
        ("collection", "documents", "pages", "chunks", "bytes", "pictures by"),
        [
            (
                item["name"],
                _documents(item),
                *(item["tally"][measure] for measure in ("pages", "chunks", "bytes")),
                item["picture_model"] or "what is seen",
            )
            for item in page["items"]
        ],
    )
    _tell_partial(target, page)


@collections.command("show")
@click.argument("name")
@user_command
def show(target: UserContext, name: str) -> None:
    """Show the declaration and the content of a collection."""
    described = target.api.call("GET", _at(name))
    if target.output.as_json:
        target.output.json(described)
        return
    _tell_declared(target, described)
    target.output.line(f"Documents: {_documents(described)}")
    _tell_partial(target, described)


@collections.command("set")
@click.argument("name")
@click.option("--description", help="What it is for.")
@click.option(
    "--field",
    "fields",
    multiple=True,
    metavar="NAME=TYPE",
    help=f"A field of metadata and its type: {', '.join(_TYPES)}; NAME= removes one.",
)
@click.option(
    "--strict/--open", "strict", default=None, help="Whether other fields are refused or allowed."
)
@click.option("--picture-model", help='The served model of its pictures; "" for none.')
@click.option("--transcriber", help='The served model of its recordings; "" for the default.')
@click.option(
    "--extractor",
    metavar="NAME[@VERSION]",
    help='The saved extractor by which each document is extracted on arrival; "" for none.',
)
@user_command
def declare(
    target: UserContext,
    /,
    name: str,
    description: str | None,
    fields: Sequence[str],
    strict: bool | None,
    **named: str | None,
) -> None:
    """Declare a collection; settings without an option stay unchanged."""
    declared = _declared(target.api, name)
    options: Json = {"description": description, "strict": strict}
    declared |= {key: value or None for key, value in named.items() if value is not None}
    declared |= {key: value for key, value in options.items() if value is not None}
    declared["fields"] = _changed(declared["fields"], fields)
    response = target.api.call("PUT", _at(name), json=declared)
    if target.output.as_json:
        target.output.json(response)
        return
    _tell_declared(target, response)


@collections.command("forget")
@click.argument("name")
@user_command
def forget(target: UserContext, name: str) -> None:
    """Delete the declaration of a collection that has no documents."""
    target.api.call("DELETE", _at(name))
    target.output.line(f"Nothing is declared of {name} any more.")


def _declared(api: Api, name: str) -> Json:
    """Return the declaration of a collection in the form of a new declaration."""
    try:
        current = api.call("GET", _at(name))
    except ApiError as refused:
        if refused.status != 404:
            raise
        current = {"description": "", "fields": {}, "strict": False}
        current |= {"picture_model": None, "transcriber": None, "extractor": None}
    return {key: current[key] for key in _DECLARED}


def _changed(fields: Json, given: Sequence[str]) -> Json:
    """Return fields with each `NAME=TYPE` applied; raise `UsageError` for an invalid one."""
    changed = dict(fields)
    for item in given:
        name, separator, kind = item.partition("=")
        if not (separator and name) or kind not in ("", *_TYPES):
            raise UsageError(
                f"--field {item!r}: write NAME=TYPE, with a type of {', '.join(_TYPES)}."
            )
        if kind:
            changed[name] = kind
        elif changed.pop(name, None) is None:
            raise UsageError(f"--field {item!r}: no field {name} is declared.")
    return changed


def _tell_declared(target: UserContext, found: Json) -> None:
    fields = ", ".join(f"{name} ({kind})" for name, kind in found["fields"].items())
    others = "others are refused" if found["strict"] else "others are let be"
    target.output.line(f"Collection: {found['name']}")
    target.output.line(f"Description: {found['description'] or '-'}")
    target.output.line(f"Fields: {fields or 'none'}; {others}")
    target.output.line(f"Pictures: by {found['picture_model'] or 'what is seen in them'}")
    target.output.line(f"Recordings: by {found['transcriber'] or 'Whisper'}")
    target.output.line(f"Extraction on arrival: by {found.get('extractor') or 'nothing'}")


def _tell_partial(target: UserContext, found: Json) -> None:
    if found["partial"]:
        target.output.notice("There are more documents than were counted.")


def _documents(found: Json) -> str:
    counts = found["tally"]["documents"]
    of_status = [f"{counts[name]} {name}" for name in sorted(counts) if name != "total"]
    return ", ".join(of_status) or "none"


def _at(name: str) -> str:
    return f"{_PLACE}/{quote(name, safe='')}"
