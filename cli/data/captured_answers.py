"""Captured calls of a model as rows: `generations:MODEL?since=2026-11-01&until=2026-12-01`.

They are there where a monitor captures the model, which is its tenant's consent; personal data was
masked before they were written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote

from cli.data.teacher_answers import TeacherRows, record_of, write_rows
from cli.failures import CommandError, UsageError
from cli.options import StageOptions, UserContext
from cli.output import Json

if TYPE_CHECKING:
    from chalicelib.contracts.captures import CapturedCall

_PAGE = 25
_FILTERS = frozenset(("since", "until", "version", "unmasked"))


def write_captured(target: UserContext, place: StageOptions, given: str, into: Path) -> Path:
    """Write the captured answers of a model as rows of chats, and return their file.

    Args:
        target: the API, by whose key the tenant's calls are read.
        place: the stage, which knows the model's provider.
        given: `generations:MODEL`, with filters behind a question mark.
        into: the folder for the file.

    Raises:
        UsageError: a filter is unknown, or no monitor captures the model.
        CommandError: no answer is left.
    """
    model, _, query = given.partition(":")[2].partition("?")
    filters = _filters(query)
    record = record_of(place, model)
    found = TeacherRows()
    for call in _captured(target, _monitor(target, model), filters.get("since")):
        reason = _left_out(call, filters)
        if reason is None:
            continue
        messages = _messages(call)
        if reason or messages is None:
            found.dropped[reason or "not kept as a chat"] += 1
            continue
        found.add(messages, call.output or "", id=call.id)
    path = into / f"{model.replace('/', '_')}.jsonl"
    write_rows(target.output, path, found, record)
    return path


def _filters(query: str) -> dict[str, str]:
    filters = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
    if unknown := sorted(filters.keys() - _FILTERS):
        raise UsageError(
            f"generations: {unknown[0]} is no filter; there are {', '.join(sorted(_FILTERS))}."
        )
    for name in ("since", "until"):
        if name in filters:
            _moment(filters[name])
    return filters


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"generations: {text!r} is no date, such as 2026-11-30.") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _monitor(target: UserContext, model: str) -> str:
    items = target.api.call("GET", "/v1/monitors")["items"]
    for each in items:
        if each["subject"] == {"kind": "model", "name": model}:
            return str(each["name"])
    raise UsageError(
        f"No monitor captures {model}, so that nothing of it is kept: headrace monitors set NAME "
        f"--model {model}."
    )


def _captured(target: UserContext, monitor: str, since: str | None) -> Iterator[CapturedCall]:
    """Yield captured calls, newest first, down to a date."""
    from chalicelib.contracts.captures import CapturedCall

    path = f"/v1/monitors/{quote(monitor, safe='')}/calls?limit={_PAGE}"
    cursor = ""
    while True:
        page = target.api.call("GET", f"{path}{cursor}")
        for item in page["items"]:
            call = CapturedCall.model_validate(item)
            if since is not None and call.created_at < _moment(since):
                return
            yield call
        if not page.get("next_cursor"):
            return
        cursor = f"&cursor={quote(page['next_cursor'], safe='')}"


def _left_out(call: CapturedCall, filters: dict[str, str]) -> str | None:
    """Return why a call gives no row, "" if it does, None if it was not asked for."""
    if "until" in filters and call.created_at >= _moment(filters["until"]):
        return None
    if "version" in filters and call.version != filters["version"]:
        return None
    if call.outcome != "ok":
        return {"refused": "declined"}.get(call.outcome, "failed")
    if call.input is None or call.output is None:
        return "too long to be kept"
    if call.left_out:
        return "with pictures"
    if call.unsafe or call.unsupported:
        return "unsafe or unsupported"
    return "masked" if "unmasked" in filters and call.masked else ""


def _messages(call: CapturedCall) -> list[Json] | None:
    """Return the conversation that a call asked, None for another task or calls of tools."""
    try:
        asked = json.loads(call.input or "")["call"]
        system = [{"role": "system", "content": asked["system"]}] if asked.get("system") else []
        if asked.get("task", "chat") != "chat" or asked.get("tools"):
            return None
        turns = [
            {
                "role": message["role"],
                "content": "\n".join(part["text"] for part in message["content"]),
            }
            for message in asked["messages"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise CommandError(f"The captured call {call.id} cannot be read: {error}") from error
    return [*system, *turns]
