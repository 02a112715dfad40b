"""The command `data distil`: a teacher answers prompts, and the answers become training rows."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from cli.batch import begin_batch, confirm_batch
from cli.data.options import terms_option
from cli.data.teacher_answers import CUT_OFF, TeacherRows, record_of, write_rows
from cli.failures import ItemsFailedError, UsageError
from cli.jobs import fetch_results, follow, job_path
from cli.options import StageOptions, UserContext, stage_user_command
from cli.output import Json, describe_receipt

_MAX_PROMPTS = 50_000
_Path = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class DistilledPrompt:
    """A prompt: the conversation that the student learns to answer, and its fields of a row."""

    id: str
    messages: tuple[Json, ...]
    group: str = ""

    @property
    def fields(self) -> dict[str, str]:
        """Return the fields of the row beside its messages."""
        return {"id": self.id, **({"group": self.group} if self.group else {})}


@click.command("distil")
@click.option("--teacher", required=True, metavar="MODEL", help="The model that answers.")
@click.option(
    "--prompts",
    required=True,
    type=_Path,
    help="JSON Lines with prompt or messages, and system, id and group if there are any; or a .txt "
    "with a prompt a line.",
)
@click.option(
    "--into", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The rows."
)
@click.option("--budget", required=True, metavar="DOLLARS", help="The most that it may cost.")
@click.option(
    "--examples",
    type=_Path,
    help="Rows of chats that the teacher is shown before each prompt, and the student is not.",
)
@click.option("--system", default="", help="Instructions to teacher and student alike.")
@click.option("--max-tokens", type=click.IntRange(1), default=512, show_default=True)
@click.option("--temperature", type=click.FloatRange(0, 2), default=0.0, show_default=True)
@click.option("--check", "checks", multiple=True, help="A check that each answer has to pass.")
@click.option(
    "--tier",
    type=click.Choice(("standard", "flex", "batch")),
    help="When to answer, at what price.",
)
@click.option("--batch", "job_id", help="Take the answers of this batch, which ran on the prompts.")
@click.option("--yes", "-y", is_flag=True, help="Begin without asking.")
@terms_option
@stage_user_command
def distil(
    target: UserContext,
    place: StageOptions,
    /,
    teacher: str,
    prompts: Path,
    into: Path,
    accepted_terms: tuple[str, ...],
    **options: Any,
) -> None:
    """Have a teacher answer prompts, and write its answers as chats to train a student on.

    The prompts are a batch of one model, with an estimate first. Answers that failed, were cut off,
    declined or empty are left out and counted. The record beside the rows says which model answered
    and on which terms of its provider; `headrace train` puts it into the model's card.
    """
    from models.failures import BadData
    from models.training_data.teachers import agreed

    asked = read_prompts(prompts, options["system"])
    try:
        (record,) = agreed([record_of(place, teacher, accepted_terms)], accepted_terms)
    except BadData as error:
        raise UsageError(str(error)) from error
    job_id = options["job_id"]
    job = (
        _run(target, teacher, asked, options)
        if job_id is None
        else target.api.call("GET", job_path(job_id))
    )
    with tempfile.TemporaryDirectory(prefix="headrace-distil-") as folder:
        files = fetch_results(target.api, job, Path(folder), target.output)
        found = rows_of_batch(asked, teacher, {file.name: file for file in files})
    write_rows(target.output, into, found, record)
    if target.output.as_json:
        target.output.json(
            {"rows": len(found.rows), "dropped": dict(found.dropped), "batch": job["job_id"]}
        )
        return
    for line in describe_receipt(job["receipt"]):
        target.output.line(line, "dim")
    target.output.line(f"{len(found.rows)} rows: headrace train instruction_tuning --data {into}")


def read_prompts(file: Path, system: str = "") -> tuple[DistilledPrompt, ...]:
    """Return the prompts of a file, with `system` before those that have no instructions.

    Raises:
        UsageError: a line is no prompt; the message names line, field and fix.
    """
    lines = _text_lines(file)
    found: list[DistilledPrompt] = []
    seen: set[str] = set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{file.name}:{number}"
        content = {"prompt": line} if file.suffix == ".txt" else _object(line, place)
        each = _prompt(content, place, f"{file.stem}-{number}", system)
        if each.id in seen:
            raise UsageError(f"{place}: the id {each.id!r} stands twice; give each its own.")
        seen.add(each.id)
        found.append(each)
    if not 0 < len(found) <= _MAX_PROMPTS:
        raise UsageError(f"{file} has {len(found)} prompts; a batch takes 1 to {_MAX_PROMPTS:,}.")
    return tuple(found)


def rows_of_batch(
    asked: Sequence[DistilledPrompt], teacher: str, files: dict[str, Path]
) -> TeacherRows:
    """Return the answers of a batch as rows in the order of the prompts.

    Raises:
        UsageError: its answers are to other prompts.
    """
    answers = {line["id"]: line["generation"] for line in _lines(files.get("results.jsonl"))}
    failed = {line["id"]: line["error"] for line in _lines(files.get("errors.jsonl"))}
    known = {prompt.id for prompt in asked}
    if strange := sorted((answers.keys() | failed.keys()) - known):
        raise UsageError(f"The batch answered {strange[0]!r}, which is none of the prompts.")
    found = TeacherRows()
    for prompt in asked:
        made = answers.get(prompt.id)
        if made is None:
            found.dropped[_failure(failed.get(prompt.id))] += 1
        elif made["model"] != teacher:
            found.dropped["answered by another model"] += 1
        else:
            output = made["output"]
            found.add(
                prompt.messages, output["text"], output.get("finish", "stop"), **prompt.fields
            )
    return found


def _run(
    target: UserContext, teacher: str, asked: Sequence[DistilledPrompt], options: Json
) -> Json:
    """Run the prompts as a batch within the budget, and return its job as it ended."""
    budget = _dollars(options["budget"])
    shown = _examples(options["examples"])
    with tempfile.TemporaryDirectory(prefix="headrace-distil-") as folder:
        file = Path(folder) / "prompts.jsonl"
        with file.open("w", encoding="utf-8") as lines:
            for prompt in asked:
                line = _line(prompt, shown, options)
                lines.write(f"{json.dumps(line, ensure_ascii=False)}\n")
        body: Json = {"model": teacher, "fallback": False, "confirm": True}
        if options["checks"]:
            body["checks"] = list(options["checks"])
        if options["tier"]:
            body["service_tier"] = options["tier"]
        job_id = begin_batch(target, file, body)
    job = follow(target.api, job_id, target.output)
    while job["status"] == "paused":
        estimate = Decimal(str(job["estimate"]["dollars_bound"]))
        if job["phase"] == "estimated" and not _is_priced(job["estimate"]):
            target.api.call("DELETE", job_path(job_id))
            raise UsageError(
                f"--budget: {teacher} has no price, so that nothing holds its answers to the "
                "budget. Add it with its prices (headrace models add). Nothing was spent."
            )
        if job["phase"] == "estimated" and estimate > budget:
            target.api.call("DELETE", job_path(job_id))
            raise UsageError(
                f"--budget {budget:f}: the answers cost ${estimate:f} at most, with every repeat. "
                "Give fewer prompts, a lower --max-tokens or a higher budget. Nothing was spent."
            )
        confirm_batch(target.output, job, yes=options["yes"])
        target.api.call("POST", f"{job_path(job_id)}/resume", once=True)
        job = follow(target.api, job_id, target.output)
    if not job["results"]:
        error = job.get("error") or {}
        target.output.notice(f"{job_id}: {job['status']}. {error.get('message', '')}", "red")
        raise ItemsFailedError
    return job


def _is_priced(estimate: Json) -> bool:
    """Return whether each model that would answer has a price by some path."""
    found = [each["paths"] for each in estimate["models"] if each["paths"]]
    return all(any(path.get("dollars") is not None for path in paths) for paths in found)


def _line(prompt: DistilledPrompt, shown: Sequence[Json], options: Json) -> Json:
    turns = list(prompt.messages)
    system = [turns.pop(0)["content"]] if turns[0]["role"] == "system" else []
    line: Json = {
        "id": prompt.id,
        "task": "chat",
        "messages": [*shown, *turns],
        "max_tokens": options["max_tokens"],
        "temperature": options["temperature"],
    }
    return line | ({"system": system[0]} if system else {})


def _prompt(content: Json, place: str, id_: str, system: str) -> DistilledPrompt:
    given = content.get("messages", content.get("prompt"))
    turns = [{"role": "user", "content": given}] if isinstance(given, str) else given
    if not isinstance(turns, list) or not turns:
        raise UsageError(f"{place}: prompt is a text, or messages a list; there is neither.")
    for turn in turns:
        text = turn.get("content") if isinstance(turn, dict) else None
        if not isinstance(text, str) or not text.strip():
            raise UsageError(f"{place}: messages: content has to be a text that is not empty.")
    roles = [turn.get("role") for turn in turns]
    if roles[-1] == "assistant":  # what was answered before is what the teacher answers anew
        turns, roles = turns[:-1], roles[:-1]
    begin = 1 if roles[:1] == ["system"] else 0
    wanted = ["user", "assistant"] * len(roles)
    if roles[begin:] != wanted[: len(roles) - begin] or roles[-1:] != ["user"]:
        raise UsageError(
            f"{place}: messages alternate from the user's on, and end with the user's."
        )
    told = str(content.get("system") or system)
    if told and not begin:
        turns = [{"role": "system", "content": told}, *turns]
    kept = tuple({"role": turn["role"], "content": turn["content"]} for turn in turns)
    return DistilledPrompt(str(content.get("id") or id_), kept, str(content.get("group") or ""))


def _examples(file: Path | None) -> list[Json]:
    """Return the turns that the teacher is shown before each prompt; raise `UsageError`."""
    if file is None:
        return []
    shown: list[Json] = []
    for number, line in enumerate(_text_lines(file), 1):
        place = f"{file.name}:{number}"
        turns = _object(line, place).get("messages")
        if not isinstance(turns, list) or not turns or turns[-1].get("role") != "assistant":
            raise UsageError(f"{place}: an example has messages that end with the assistant's.")
        shown += [turn for turn in turns if turn.get("role") != "system"]
    return shown


def _object(line: str, place: str) -> Json:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise UsageError(f"{place}: is no JSON: {error}.") from error
    if not isinstance(found, dict):
        raise UsageError(f'{place}: is no JSON object, such as {{"prompt": "…"}}.')
    return found


def _lines(file: Path | None) -> list[Json]:
    if file is None:
        return []
    return [json.loads(line) for line in _text_lines(file) if line]


def _text_lines(file: Path) -> list[str]:
    """Return the lines of a file. Texts in JSON may hold Unicode's own line separators."""
    try:
        return [line.decode() for line in file.read_bytes().splitlines()]
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8: {error}. Save it as UTF-8.") from error


def _failure(error: Json | None) -> str:
    """Return why a prompt has no answer, in few words."""
    if error is None:
        return "not answered"
    return CUT_OFF if error.get("field") == "max_tokens" else str(error["type"])


def _dollars(given: str) -> Decimal:
    try:
        found = Decimal(given)
    except InvalidOperation as error:
        raise UsageError(f"--budget: {given!r} is no number of dollars.") from error
    if not found.is_finite() or found <= 0:
        raise UsageError(f"--budget: {given} dollars buy nothing.")
    return found
