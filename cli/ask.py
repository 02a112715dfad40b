"""`search` and `ask`."""

from __future__ import annotations

import base64
from pathlib import Path

import click

from cli.options import Target, filter_option, user_command
from cli.output import Json, Output, describe_place, describe_receipt

rerank_option = click.option(
    "--rerank/--no-rerank",
    default=None,
    help="Whether a model looks at the first passages again. Default: as the stage is set up.",
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
    help="A picture to search by, in place of QUERY: PNG, JPEG, WebP or GIF.",
)
@click.option("--collection", help="Only documents of this collection.")
@filter_option
@click.option("--top-k", type=click.IntRange(1, 100), default=10, show_default=True)
@rerank_option
@user_command
def search(
    target: Target,
    query: str | None,
    image: Path | None,
    collection: str | None,
    filter_: Json | None,
    top_k: int,
    rerank: bool | None,
) -> None:
    """Find passages and pictures by meaning and by words, or by a picture."""
    if (query is None) == (image is None):
        raise click.UsageError("Give a QUERY or --image, one of them.")
    body = _body(
        query=query,
        image=None if image is None else _image(image),
        collection=collection,
        filter=filter_,
        top_k=top_k,
        rerank=rerank,
    )
    result = target.api.search(body)
    if target.output.as_json:
        target.output.json(result)
        return
    if result.get("seen"):
        target.output.line(f"Seen in {image}: {_seen(result['seen'])}", "dim")
    for rank, hit in enumerate(result["hits"], start=1):
        target.output.line(f"{rank}. {describe_place(hit)} (score {hit['score']:.4f})", "bold")
        if hit["heading"]:
            target.output.line(f"   {hit['heading']}", "italic")
        target.output.line(f"   {_seen(hit.get('labels', [])) or _shortened(hit['text'])}")
    if not result["hits"]:
        target.output.line("Nothing found.")
    _margin(target.output, result)
    _rated_by(target.output, result.get("search_id", ""))


@click.command()
@click.argument("question")
@click.option("--collection", help="Only documents of this collection.")
@filter_option
@click.option("--top-k", type=click.IntRange(1, 100), default=10, show_default=True)
@click.option(
    "--tier",
    type=click.Choice(("extractive", "llm")),
    help="How to answer. Default: the cheapest that suffices.",
)
@rerank_option
@user_command
def ask(
    target: Target,
    question: str,
    collection: str | None,
    filter_: Json | None,
    top_k: int,
    tier: str | None,
    rerank: bool | None,
) -> None:
    """Answer a question, with a citation for every claim."""
    body = _body(
        question=question,
        collection=collection,
        filter=filter_,
        top_k=top_k,
        tier=tier,
        rerank=rerank,
    )
    result = target.api.ask(body)
    if target.output.as_json:
        target.output.json(result)
        return
    show_answer(target.output, result)
    _rated_by(target.output, result.get("answer_id", ""))


def show_answer(output: Output, result: Json) -> None:
    """Print an answer, where its claims stand, and what it cost."""
    output.line(result["answer"], "bold" if result["answered"] else "yellow")
    for citation in result["citations"]:
        output.line(f"  [{citation['n']}] {describe_place(citation)}", "cyan")
    _margin(output, result)


def _margin(output: Output, result: Json) -> None:
    for notice in result["notices"]:
        output.notice(f"Note: {notice}", "yellow")
    for line in describe_receipt(result["receipt"]):
        output.line(line, "dim")


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
    """Return what is seen in a picture, with how likely it is."""
    return "; ".join(f"{label['name']} ({label['share']:.0%})" for label in labels)


def _body(**fields: object) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


def _shortened(text: str, width: int = 240) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= width else flat[: width - 1].rstrip() + "…"
