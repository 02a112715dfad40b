"""The command `rollouts`: versions that take over from the live ones in stages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from cli.failures import CommandError
from cli.options import UserContext, user_command
from cli.output import Json

_PLACE = "/v1/rollouts"
_REASON = click.option("--reason", default="", help="Why; it is recorded.")


@click.group()
def rollouts() -> None:
    """Roll out a prompt, a model or a retrieval setting in stages, while guards look on."""


@rollouts.command("start")
@click.argument("subject")
@click.argument("to")
@click.option("--live", help="The version that has to be live now.")
@click.option("--stage", "stages", multiple=True, help="shadow, or a share such as 5 or 25%:ask.")
@click.option("--dwell", type=int, help="Seconds that each stage lasts at least.")
@click.option("--max-dwell", type=int, help="Seconds after which a person is asked.")
@click.option("--min-calls", type=int, help="Calls of each arm that a stage sees at least.")
@click.option(
    "--guard", "guards", multiple=True, help="METRIC=MARGIN, or slow:MILLISECONDS=MARGIN."
)
@click.option("--window", type=int, help="Seconds between two looks at the calls.")
@click.option("--shadow-budget", help="Dollars that shadow answers may cost.")
@click.option(
    "--smoke",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON file: requests that the candidate answers first.",
)
@click.option("--description", default="", help="What it is for.")
@user_command
def start(target: UserContext, /, subject: str, to: str, **options: Any) -> None:
    """Let version TO of SUBJECT take over from the live one.

    SUBJECT is prompt:NAME@LABEL, model:NAME or retrieval:COLLECTION.

    \b
    headrace rollouts start prompt:faq@production 4
    headrace rollouts start model:nova-micro nova-lite --stage 5 --stage 25:ask --stage 100
    """
    terms = {
        "dwell_seconds": options["dwell"],
        "max_dwell_seconds": options["max_dwell"],
        "min_calls": options["min_calls"],
    }
    stages = [_stage(each) for each in options["stages"]]
    given = {name: value for name, value in terms.items() if value is not None}
    if given and not stages:
        raise CommandError("Name the stages that these terms are of, such as --stage 5.")
    body: Json = {"subject": _subject(subject), "to": to, "description": options["description"]}
    optional = {
        "live": options["live"],
        "stages": [each | given for each in stages] or None,
        "guards": [_guard(each) for each in options["guards"]] or None,
        "window_seconds": options["window"],
        "shadow_budget": options["shadow_budget"],
        "smoke": _smoke(options["smoke"]) if options["smoke"] else None,
    }
    body |= {name: value for name, value in optional.items() if value is not None}
    _show(target, target.api.call("POST", _PLACE, json=body))


@rollouts.command("list")
@click.option("--limit", type=click.IntRange(1, 50), default=20, show_default=True)
@user_command
def list_rollouts(target: UserContext, limit: int) -> None:
    """List rollouts, newest first."""
    items = target.api.call("GET", _PLACE, params={"limit": str(limit)})["items"]
    if target.output.as_json:
        target.output.json(items)
        return
    target.output.table(
        ("rollout", "subject", "from", "to", "status", "stage", "reason"),
        [
            (
                item["rollout_id"],
                _named(item["subject"]),
                item["live"],
                item["to"],
                item["status"],
                f"{item['stage'] + 1} of {len(item['stages'])}",
                item["reason"],
            )
            for item in items
        ],
    )


@rollouts.command("show")
@click.argument("rollout_id")
@user_command
def show(target: UserContext, rollout_id: str) -> None:
    """Show a rollout: its stages, and what its guards have seen."""
    _show(target, target.api.call("GET", _at(rollout_id)))


@rollouts.command("approve")
@click.argument("rollout_id")
@_REASON
@user_command
def approve(target: UserContext, rollout_id: str, reason: str) -> None:
    """Let the stage end that waits for a decision."""
    _decide(target, rollout_id, "approve", reason)


@rollouts.command("reject")
@click.argument("rollout_id")
@_REASON
@user_command
def reject(target: UserContext, rollout_id: str, reason: str) -> None:
    """Roll back a rollout that waits for a decision."""
    _decide(target, rollout_id, "reject", reason)


@rollouts.command("abort")
@click.argument("rollout_id")
@_REASON
@user_command
def abort(target: UserContext, rollout_id: str, reason: str) -> None:
    """Roll back a rollout, whatever it is at."""
    _decide(target, rollout_id, "abort", reason)


def _decide(target: UserContext, rollout_id: str, decision: str, reason: str) -> None:
    place = f"{_at(rollout_id)}/{decision}"
    _show(target, target.api.call("POST", place, json={"reason": reason}))


def _at(rollout_id: str) -> str:
    return f"{_PLACE}/{quote(rollout_id, safe='')}"


def _subject(written: str) -> Json:
    kind, separator, name = written.partition(":")
    if not separator or kind not in ("prompt", "model", "retrieval"):
        raise CommandError(
            f"{written!r} is no subject; write prompt:NAME@LABEL, model:NAME or "
            "retrieval:COLLECTION."
        )
    if kind != "prompt":
        return {"kind": kind, "name": name}
    name, _, label = name.partition("@")
    return {"kind": kind, "name": name, "label": label or "production"}


def _named(subject: Json) -> str:
    label = f"@{subject['label']}" if subject["label"] else ""
    return f"{subject['kind']}:{subject['name']}{label}"


def _stage(written: str) -> Json:
    share, _, asks = written.partition(":")
    approval = {"approval": True} if asks else {}
    if asks not in ("", "ask"):
        raise CommandError(f"{written!r} is no stage; after a share comes :ask or nothing.")
    if share == "shadow":
        return {"share": 0, "shadow": True, **approval}
    try:
        return {"share": float(share.removesuffix("%")), **approval}
    except ValueError as error:
        raise CommandError(
            f"{written!r} is no stage; write shadow, or a share of the end users such as 5."
        ) from error


def _smoke(path: Path) -> list[Json]:
    try:
        requests = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} is not JSON: {error}.") from error
    if not isinstance(requests, list):
        raise CommandError(f'{path} is not a list of requests such as {{"input": {{…}}}}.')
    return requests


def _guard(written: str) -> Json:
    metric, _, margin = written.partition("=")
    metric, separator, threshold = metric.partition(":")
    try:
        slow = {"threshold_ms": int(threshold)} if separator else {}
        return {"metric": metric, "margin": float(margin), **slow}
    except ValueError as error:
        raise CommandError(
            f"{written!r} is no guard; write METRIC=MARGIN, such as errors=0.05, or "
            "slow:MILLISECONDS=MARGIN, such as slow:2000=0.05."
        ) from error


def _show(target: UserContext, rollout: Json) -> None:
    if target.output.as_json:
        target.output.json(rollout)
        return
    target.output.line(
        f"{rollout['rollout_id']}: {_named(rollout['subject'])} from {rollout['live']} to "
        f"{rollout['to']} is {rollout['status']}, stage {rollout['stage'] + 1} of "
        f"{len(rollout['stages'])}."
    )
    if rollout["reason"]:
        target.output.line(rollout["reason"])
    if weights := rollout.get("weights"):
        target.output.line(
            f"{weights['endpoint']}: {weights['candidate']} has {weights['share']:g} % of the "
            f"weight. {weights['reason']}".rstrip()
        )
    rows = [
        (
            "shadow" if report["shadow"] else f"{report['share']:g} %",
            each["guard"]["metric"],
            f"{each['guard']['margin']:g}",
            _rate(each["live"]),
            _rate(each["candidate"]),
            each["verdict"].replace("_", " "),
        )
        for report in rollout["reports"]
        for each in report["evidence"]
    ]
    if rows:
        target.output.table(("stage", "guard", "margin", "live", "candidate", "verdict"), rows)


def _rate(counts: Json) -> str:
    return f"{counts['events']} of {counts['calls']}" if counts["calls"] else "-"
