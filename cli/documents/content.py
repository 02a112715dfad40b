"""The command `open`: what an answer cites, a page of a document, or the file itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
from rich.text import Text

from cli.client import Api
from cli.documents.page_view import open_page
from cli.documents.voices import changes, voiced_pieces
from cli.failures import UsageError
from cli.options import UserContext, user_command
from cli.output import Json, Output, describe_place

_CAPTIONS = {".chapters.vtt": "chapters", ".vtt": "vtt", ".srt": "srt", ".txt": "txt"}
"""The forms of captions, by the endings of their files."""
_RECORDINGS = ("audio/", "video/")
CONTEXT_CHARACTERS = 600
"""Characters before and after a citation that are shown with it."""


@click.command("open")
@click.argument("asked", metavar="ID")
@click.argument("number", type=click.IntRange(1), default=1, metavar="[N]")
@click.option(
    "--version", "version", help="A version of the document. Default: the one that answers."
)
@click.option("--whole", is_flag=True, help="The whole page, not only what is around the citation.")
@click.option(
    "--original",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Download the uploaded file to FILE instead.",
)
@click.option(
    "--captions",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Download what is said in a recording to FILE instead: captions as .vtt or .srt, its"
    " chapters as .chapters.vtt, or the transcript as .txt.",
)
@click.option(
    "--browser",
    is_flag=True,
    help="Show the page in the browser, with the citation marked: its picture, or else its text.",
)
@user_command
def open_command(  # noqa: PLR0913 - the options of a command
    target: UserContext,
    asked: str,
    number: int,
    version: str | None,
    whole: bool,
    original: Path | None,
    captions: Path | None,
    browser: bool,
) -> None:
    """Open what is cited: citation N of an answer (ans_…), or page N of a document (doc_…)."""
    if sum((browser, original is not None, captions is not None)) > 1:
        raise UsageError("Use one of --browser, --original and --captions.")
    citation = _citation(target.api, asked, number) if asked.startswith("ans_") else None
    if citation is None and not asked.startswith("doc_"):
        raise UsageError(f"ID is that of an answer, ans_…, or of a document, doc_…, not {asked!r}.")
    document_id = citation["document_id"] if citation else asked
    version = version or (citation["version"] if citation else None)
    if original is not None:
        _download(target, document_id, version, original)
        return
    if captions is not None:
        _download_captions(target, document_id, version, captions)
        return
    page = whole_page(target.api, document_id, citation["page"] if citation else number, version)
    if browser:
        span = (citation["start"], citation["end"]) if citation else (0, 0)
        file = open_page(target.api, target.output, page, span)
        if target.output.as_json:
            target.output.json({"citation": citation, "page": page, "file": str(file)})
        else:
            target.output.line(str(file))
        return
    if page.get("media_type", "").startswith(_RECORDINGS):
        page["timing"] = _timing(target.api, page)
    if target.output.as_json:
        target.output.json({"citation": citation, "page": page})
        return
    _show(target.output, page, citation, whole=whole)


def show_citation(api: Api, output: Output, answer_id: str, number: int) -> None:
    """Print citation `number` of an answer within its page."""
    citation = _citation(api, answer_id, number)
    page = whole_page(api, citation["document_id"], citation["page"], citation["version"])
    _show(output, page, citation, whole=False)


def _citation(api: Api, answer_id: str, number: int) -> Json:
    answer = api.call("GET", f"/v1/answers/{quote(answer_id)}")
    citations = answer["citations"]
    if number > len(citations):
        raise UsageError(f"{answer_id} has {len(citations)} citations, and no [{number}].")
    found: Json = citations[number - 1]
    return found


def whole_page(api: Api, document_id: str, number: int, version: str | None = None) -> Json:
    """Return a page with its whole text, which comes in pieces where it is long."""
    params = {"version": version} if version else {}
    path = f"/v1/documents/{quote(document_id)}/pages/{number}"
    page = api.call("GET", path, params=params)
    while page["end"] < page["characters"]:
        following = api.call("GET", path, params={**params, "start": str(page["end"])})
        page = {
            **page,
            "text": page["text"] + following["text"],
            "end": following["end"],
            "headings": page["headings"] + following["headings"],
        }
    return page


def _timing(api: Api, page: Json) -> Json:
    """Return when the words of a page of a recording are said, and by whom."""
    path = f"/v1/documents/{quote(page['document_id'])}/pages/{page['page']}"
    params = {"version": page["version"], "words": "true"}
    timing: Json = api.call("GET", path, params=params)["timing"]
    return timing


def _download(target: UserContext, document_id: str, version: str | None, file: Path) -> None:
    params = {"version": version} if version else {}
    found = target.api.call("GET", f"/v1/documents/{quote(document_id)}/original", params=params)
    target.api.download(found["url"], file, found["bytes"])
    if target.output.as_json:
        target.output.json(found | {"file": str(file)})
    else:
        target.output.line(f"{found['name']}, {found['bytes']} bytes, is now {file}.")


def _download_captions(
    target: UserContext, document_id: str, version: str | None, file: Path
) -> None:
    name = file.name.lower()
    form = next((form for ending, form in _CAPTIONS.items() if name.endswith(ending)), None)
    if form is None:
        raise UsageError(
            f"--captions takes a file that ends in {', '.join(_CAPTIONS)}, not {file.name!r}."
        )
    params = {"format": form, **({"version": version} if version else {})}
    found = target.api.call("GET", f"/v1/documents/{quote(document_id)}/captions", params=params)
    target.api.download(found["url"], file)
    if target.output.as_json:
        target.output.json(found | {"file": str(file)})
    else:
        target.output.line(f"{found['name']} is now {file}.")


def _show(output: Output, page: Json, citation: Json | None, *, whole: bool) -> None:
    span = (citation["start"], citation["end"]) if citation else (0, 0)
    shown = {**page, **citation} if citation else page
    output.line(describe_place(shown), "bold")
    if not page["current"]:
        output.notice("Another version of the document answers now.", "yellow")
    first, last = 0, len(page["text"])
    if citation and not whole:
        first = max(0, span[0] - CONTEXT_CHARACTERS)
        last = min(last, span[1] + CONTEXT_CHARACTERS)
    text: Any = Text(page["text"][first:last])
    if citation:
        text.stylize("reverse", span[0] - first, span[1] - first)
    said = page.get("timing", {}).get("words", ())
    voices = [(at - first, who) for at, who in changes(said, "start")]
    shown_text = Text("…" if first else "")
    for name, start, end in voiced_pieces(last - first, voices):
        shown_text += Text(name, "bold") + text[start:end]
    output.out.print(shown_text, end="")
    output.line("…" if last < len(page["text"]) else "")
    if page["pages"] > 1:
        output.line(f"page {page['page']} of {page['pages']}", "dim")
