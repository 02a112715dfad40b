"""The commands `outline` and `minutes`: chapters of a recording, and minutes of a meeting."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import click

from chalicelib.retrieval.text.terms import terms
from cli.failures import ApiError, ItemsFailedError, UsageError
from cli.options import UserContext, end_user_option, user_command
from cli.output import Json, describe_receipt, describe_time
from cli.prompts.files import read_prompt
from cli.prompts.runs import PLACE, prompt_place

PROMPT = Path(__file__).parents[2] / "examples" / "prompts" / "minutes.yaml"
_CLOCK = r"(\d{2,}):([0-5]\d):([0-5]\d)"
_TIME = re.compile(rf"\[{_CLOCK}(?:\s*[–-]\s*{_CLOCK})?\]")  # noqa: RUF001
_MARKS = re.compile(rf"{_TIME.pattern}|Speaker \d+")
NOT_FOUND = 404
MIN_SAID = 1 / 3
"""The share of a line's words that are said at its times; others are the writer's own."""


@click.command()
@click.argument("document", metavar="ID")
@click.option("--version", help="A version of the document. Default: the one that answers.")
@user_command
def outline(target: UserContext, document: str, version: str | None) -> None:
    """Show the chapters of a recording, and the sentences that sum up each."""
    params = {"version": version} if version else {}
    found = target.api.call("GET", f"/v1/documents/{quote(document)}/outline", params=params)
    if target.output.as_json:
        target.output.json(found)
        return
    if not found["chapters"]:
        target.output.line("Nobody speaks in it.")
    for chapter in found["chapters"]:
        target.output.line(f"{describe_time(chapter)} {chapter['title']}", "bold")
        for sentence in chapter["summary"]:
            name = f"Speaker {sentence['speaker']}: " if sentence.get("speaker") else ""
            target.output.line(f"   {describe_time(sentence)} {name}{sentence['text']}")


@click.command()
@click.argument("document", metavar="ID")
@click.option("--version", help="A version of the document. Default: the one that answers.")
@click.option(
    "--prompt", "name", default="minutes", show_default=True, help="The prompt that writes them."
)
@click.option("--model", help="Model to use instead of the prompt's.")
@end_user_option
@user_command
def minutes(
    target: UserContext, /, document: str, version: str | None, name: str, **chosen: str | None
) -> None:
    """Have a model write the minutes of a recording, and check the times that they cite.

    The prompt gets the transcript as its variable `transcript`; the one called minutes is saved
    at its first use. Lines that cite no time at which words of theirs are said are marked, and the
    command exits with 1 if there are any.
    """
    transcript = _transcript(target, document, version)
    if not transcript.strip():
        raise UsageError(f"Nobody speaks in {document}, so it has no minutes.")
    body: Json = {"version": _newest(target, name), "variables": {"transcript": transcript}}
    body |= {option: value for option, value in chosen.items() if value is not None}
    ran = target.api.call("POST", prompt_place(name, "runs"), json=body, once=True)
    lines = list(checked_lines(ran["output"], spoken_lines(transcript)))
    doubtful = [line for line in lines if not line.stands]
    if target.output.as_json:
        told = [{"text": line.text, "stands": line.stands} for line in lines]
        target.output.json({"minutes": told, "run": ran})
    else:
        for line in lines:
            target.output.line(line.text if line.stands else f"? {line.text}")
        for each in describe_receipt(ran["receipt"]):
            target.output.notice(each, style="dim")
        if doubtful:
            target.output.notice(
                f"{len(doubtful)} of {len(lines)} lines, marked ?, cite no time at which words of"
                " theirs are said."
            )
    if doubtful:
        raise ItemsFailedError


@dataclass(frozen=True, slots=True)
class MinutesLine:
    """A line of minutes; it `stands` if it cites times, and what is said then has its words."""

    text: str
    stands: bool


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """A line of a transcript: the seconds from and to which it is said, and the stems of it."""

    start: int
    end: int
    stems: frozenset[str]


def spoken_lines(transcript: str) -> list[SpokenLine]:
    """Return the lines of a transcript that begin with their times."""
    return [
        SpokenLine(*cited_times(line)[0], frozenset(terms(_MARKS.sub("", line))))
        for line in transcript.splitlines()
        if _TIME.match(line)
    ]


def checked_lines(text: str, spoken: Sequence[SpokenLine]) -> Iterator[MinutesLine]:
    """Yield the lines of minutes, and whether each stands.

    A third of its words at least must be said at the times that it cites, each of which somebody
    must speak at. So what is made up is found where other words are said; a wrong number is not.
    """
    for line in filter(None, map(str.strip, text.splitlines())):
        cited = cited_times(line)
        said = [
            [each for each in spoken if start <= each.end and end >= each.start]
            for start, end in cited
        ]
        own = set(terms(_MARKS.sub("", line)))
        known = {stem for some in said for each in some for stem in each.stems & own}
        stands = bool(cited) and all(said) and len(known) >= MIN_SAID * len(own)
        yield MinutesLine(line, stands)


def cited_times(text: str) -> list[tuple[int, int]]:
    """Return the times in brackets as seconds, from and to; of a single one both are alike."""
    found = []
    for match in _TIME.finditer(text):
        start, end = match.groups()[:3], match.groups()[3:]
        found.append((_seconds(start), _seconds(end if end[0] else start)))
    return found


def _seconds(clock: Sequence[str]) -> int:
    hours, minutes_, seconds = map(int, clock)
    return hours * 3_600 + minutes_ * 60 + seconds


def _transcript(target: UserContext, document: str, version: str | None) -> str:
    params = {"format": "txt", **({"version": version} if version else {})}
    found = target.api.call("GET", f"/v1/documents/{quote(document)}/captions", params=params)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "transcript.txt"
        target.api.download(found["url"], file)
        return file.read_text(encoding="utf-8")


def _newest(target: UserContext, name: str) -> int:
    """Return the newest version of a prompt; save the one that is shipped if it is not there."""
    shipped = read_prompt(PROMPT)
    try:
        newest: int = target.api.call("GET", prompt_place(name))["latest"]
    except ApiError as refused:
        if refused.status != NOT_FOUND or name != shipped["name"]:
            raise
        target.output.notice(f"The prompt {name} is saved: headrace prompts show {name}")
        newest = target.api.call("POST", PLACE, json=shipped, once=True)["version"]
    return newest
