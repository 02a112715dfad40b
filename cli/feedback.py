"""`feedback`: rate an answer or a search."""

from __future__ import annotations

import re

import click

from cli.failures import WrongUse
from cli.options import Target, user_command
from cli.output import Json

_PASSAGE = re.compile(r"(?P<document_id>\w+):(?P<page>\d+):(?P<start>\d+)-(?P<end>\d+)", re.ASCII)


@click.command()
@click.argument("asked_id", metavar="ID")
@click.argument("rating", type=click.Choice(("up", "down")))
@click.option("--correction", help="What the answer should have said.")
@click.option(
    "--better",
    metavar="DOCUMENT:PAGE:START-END",
    help="The characters that answer, such as doc_…:2:391-464.",
)
@click.option("--comment", help="Anything else.")
@user_command
def feedback(
    target: Target,
    asked_id: str,
    rating: str,
    correction: str | None,
    better: str | None,
    comment: str | None,
) -> None:
    """Rate an answer or a search by the ID that it told.

    The rating moves what is found for questions like it a little, at once. Rating the same ID
    again takes the place of what was said before.
    """
    body: Json = {"search_id" if asked_id.startswith("srch_") else "answer_id": asked_id}
    body |= {"rating": rating}
    if better is not None:
        body["better_passage"] = _passage(better)
    given = {"correction": correction, "comment": comment}
    body |= {name: text for name, text in given.items() if text is not None}
    told = target.api.rate(body)
    if target.output.as_json:
        target.output.json(told)
        return
    moved = "what is found for questions like it" if told["ranks"] else "nothing"
    target.output.line(f"{told['feedback_id']} is kept, and moves {moved}.")


def _passage(given: str) -> Json:
    found = _PASSAGE.fullmatch(given)
    if found is None:
        raise WrongUse(f"--better is DOCUMENT:PAGE:START-END, not {given!r}.")
    numbers = {name: int(found[name]) for name in ("page", "start", "end")}
    return {"document_id": found["document_id"], **numbers}
