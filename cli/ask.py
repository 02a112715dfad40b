"""The commands `search`, `ask` and `feedback`."""

from __future__ import annotations

import base64
import re
import time
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from cli.documents.voices import voiced_hit
from cli.failures import UsageError
from cli.options import UserContext, end_user_option, filter_option, user_command
from cli.output import Json, Output, describe_place, describe_receipt, summarise_receipt

receipt_option = click.option(
    "--receipt", is_flag=True, help="Show every line of the receipt, not only its sum."
)
rerank_option = click.option(
    "--rerank/--no-rerank",
    default=None,
    help="Whether a model reranks the first passages. Default: the stage's setting.",
)
top_k_option = click.option(
    "--top-k",
    type=click.IntRange(1, 100),
    help="Number of passages. Default: the collection's setting, or 10.",
)

_MEDIA_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
}


@click.command()
@click.argument("query", required=False)
@click.option(
    "--image",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Picture to search by, instead of QUERY: PNG, JPEG, WebP or GIF.",
)
@click.option("--collection", help="Only documents of this collection.")
@filter_option
@top_k_option
@rerank_option
@end_user_option
@receipt_option
@user_command
def search(
    target: UserContext, /, query: str | None, image: Path | None, receipt: bool, **options: Any
) -> None:
    """Find passages and pictures by meaning and by words, or by a picture."""
    if (query is None) == (image is None):
        raise click.UsageError("Give a QUERY or --image, one of them.")
    picture = None if image is None else _image(image)
    body = _body(query=query, image=picture, rateable=True, filter=options.pop("filter_"))
    body |= _body(**options)
    began = time.monotonic()
    result = target.api.search(body)
    waited = time.monotonic() - began
    if target.output.as_json:
        target.output.json(result)
        return
    if result.get("seen"):
        target.output.line(f"Seen in {image}: {_seen(result['seen'])}", "dim")
    for rank, hit in enumerate(result["hits"], start=1):
        target.output.line(f"{rank}. {describe_place(hit)} (score {hit['score']:.4f})", "bold")
        if hit["heading"]:
            target.output.line(f"   {hit['heading']}", "italic")
        target.output.line(f"   {_seen(hit.get('labels', [])) or _shortened(voiced_hit(hit))}")
    if not result["hits"]:
        target.output.line("Nothing found.")
    _margin(target.output, result, waited, whole_receipt=receipt)
    _rated_by(target.output, result.get("search_id", ""))


@click.command()
@click.argument("question")
@click.option("--collection", help="Only documents of this collection.")
@filter_option
@top_k_option
@click.option(
    "--tier",
    type=click.Choice(("extractive", "llm")),
    help="How to answer. Default: the cheapest suitable way.",
)
@rerank_option
@end_user_option
@receipt_option
@user_command
def ask(target: UserContext, /, question: str, receipt: bool, **options: Any) -> None:
    """Answer a question, with a citation for every claim.

    If no sentence answers, the passages that are closest are shown; if the documents are about
    something else, that is said.
    """
    body = _body(question=question, filter=options.pop("filter_"), **options)
    began = time.monotonic()
    result = target.api.ask(body)
    waited = time.monotonic() - began
    if target.output.as_json:
        target.output.json(result)
        return
    show_answer(target.output, result, waited, whole_receipt=receipt)
    if result.get("answer_id") and (result["citations"] or result.get("nearest")):
        target.output.line(f"  open it: headrace open {result['answer_id']} 1", "dim")
    _rated_by(target.output, result.get("answer_id", ""))


def show_answer(
    output: Output, result: Json, waited: float | None = None, *, whole_receipt: bool = False
) -> None:
    """Print an answer with its sources, or the nearest passages, and its cost.

    `waited` are the seconds that it took, if they are known.
    """
    nearest = result.get("nearest", [])
    _show_claims(output, result)
    for citation in result["citations"]:
        output.line(f"  [{citation['n']}] {describe_place(citation)}", "cyan")
    if result.get("claims") and nearest:
        output.line(f"{'Also close' if result['answered'] else 'The closest passages'}:", "yellow")
    for passage in nearest:
        _show_nearest(output, passage, whole=not result["answered"])
    if result.get("looked_at"):
        output.line(f"  {_describe_search(result['looked_at'])}", "dim")
    _margin(output, result, waited, whole_receipt=whole_receipt)


def _show_claims(output: Output, result: Json) -> None:
    """Print the answer; if it has claims that no passage supports, each claim on a line."""
    claims = result.get("claims", [])
    if not any(claim.get("unsupported") for claim in claims):
        output.line(result["answer"], "bold" if result["answered"] else "yellow")
        return
    for claim in claims:
        marks = [f"[{n}]" for n in claim["citations"]]
        if claim["unsupported"]:
            output.line(f"{claim['text']} [unsupported]", "red")
        else:
            output.line(" ".join((claim["text"], *marks)), "bold")


def _show_nearest(output: Output, passage: Json, *, whole: bool) -> None:
    """Print where a passage is; if `whole`, also its text, with the words of the question marked.

    Beside an answer the text would hide it; `headrace open` shows it.
    """
    citation = passage["citation"]
    output.line(f"  [{citation['n']}] {describe_place(citation)}", "cyan")
    if not whole:
        return
    if passage["header"] is not None:
        output.line(f"    {passage['header']['quote']}", "dim")
    text = Text(citation["quote"])
    for mark in passage["highlights"]:
        begin = citation["start"]
        text.stylize("bold", mark["start"] - begin, mark["end"] - begin)
    for line in text.split("\n"):
        if line.plain.strip():
            output.text(Text("    ") + line)


def _describe_search(looked_at: Json) -> str:
    """Return what was looked at for a question that is not answered."""
    place = f" in the collection {looked_at['collection']}" if looked_at["collection"] else ""
    place += " under the filter" if looked_at["filter"] else ""
    if not looked_at["passages"]:
        return f"Looked at: no passage was found{place}."
    passages, documents = _count(looked_at, "passages"), _count(looked_at, "documents")
    return f"Looked at {passages} of {documents}{place}: {', '.join(looked_at['paths'])}"


def _count(looked_at: Json, noun: str) -> str:
    number = looked_at[noun]
    return f"1 {noun.removesuffix('s')}" if number == 1 else f"{number} {noun}"


def _margin(output: Output, result: Json, waited: float | None, *, whole_receipt: bool) -> None:
    for notice in result["notices"]:
        output.notice(f"Note: {notice}", "yellow")
    receipt = result["receipt"]
    if whole_receipt:
        for line in describe_receipt(receipt):
            output.line(line, "dim")
    elif receipt:
        output.line(summarise_receipt(receipt, waited), "dim")


def _rated_by(output: Output, asked_id: str) -> None:
    if asked_id:
        output.line(f"  rate it: headrace feedback {asked_id} up", "dim")


def _image(path: Path) -> Json:
    media_type = _MEDIA_TYPES.get(path.suffix.lower())
    if media_type is None:
        raise click.BadParameter(
            f"{path} is called neither {', '.join(_MEDIA_TYPES)}.", param_hint="--image"
        )
    return {"media_type": media_type, "data": base64.b64encode(path.read_bytes()).decode()}


def _seen(labels: list[Json]) -> str:
    """Return the labels of a picture with their probabilities."""
    return "; ".join(f"{label['name']} ({label['share']:.0%})" for label in labels)


def _body(**fields: object) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


def _shortened(text: str, width: int = 240) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= width else flat[: width - 1].rstrip() + "…"


_PASSAGE = re.compile(r"(?P<document_id>\w+):(?P<page>\d+):(?P<start>\d+)-(?P<end>\d+)", re.ASCII)


@click.command()
@click.argument("asked_id", metavar="ID")
@click.argument("rating", type=click.Choice(("up", "down")))
@click.option("--correction", help="What the answer should have said.")
@click.option(
    "--better",
    metavar="DOCUMENT:PAGE:START-END",
    help="Source characters with the answer, such as doc_…:2:391-464.",
)
@click.option("--comment", help="Any other comment.")
@user_command
def feedback(
    target: UserContext,
    asked_id: str,
    rating: str,
    correction: str | None,
    better: str | None,
    comment: str | None,
) -> None:
    """Rate an answer or a search by the ID that it printed.

    The rating slightly changes the ranking of results for similar questions, at once. Rating the
    same ID again replaces the earlier rating.
    """
    body: Json = {"search_id" if asked_id.startswith("srch_") else "answer_id": asked_id}
    body |= {"rating": rating}
    if better is not None:
        body["better_passage"] = _passage(better)
    given = {"correction": correction, "comment": comment}
    body |= {name: text for name, text in given.items() if text is not None}
    rating_record = target.api.rate(body)
    if target.output.as_json:
        target.output.json(rating_record)
        return
    moved = "what is found for questions like it" if rating_record["ranks"] else "nothing"
    target.output.line(f"{rating_record['feedback_id']} is kept, and moves {moved}.")


def _passage(given: str) -> Json:
    match = _PASSAGE.fullmatch(given)
    if match is None:
        raise UsageError(f"--better is DOCUMENT:PAGE:START-END, not {given!r}.")
    numbers = {name: int(match[name]) for name in ("page", "start", "end")}
    return {"document_id": match["document_id"], **numbers}
