"""The command `webhooks`: endpoints that receive events."""

from __future__ import annotations

from urllib.parse import quote

import click

from cli.options import UserContext, user_command
from cli.output import Json

_PLACE = "/v1/webhooks"


@click.group()
def webhooks() -> None:
    """Create, list, test and remove endpoints that receive events."""


@webhooks.command("add")
@click.argument("url")
@click.option(
    "--event", "events", multiple=True, help="Event to receive; may be repeated. Default: all."
)
@click.option("--description", default="", help="What it is for.")
@user_command
def add(target: UserContext, url: str, events: tuple[str, ...], description: str) -> None:
    """Create a webhook and show its secret, this once."""
    body: Json = {"url": url, "events": list(events), "description": description}
    webhook = target.api.call("POST", _PLACE, json=body)
    if target.output.as_json:
        target.output.json(webhook)
        return
    target.output.line(f"{webhook['webhook_id']} hears of {_events(webhook)}.")
    target.output.line(f"Secret, shown only now: {webhook['secret']}")


@webhooks.command("ls")
@user_command
def ls(target: UserContext) -> None:
    """List webhooks."""
    items = target.api.call("GET", _PLACE)["items"]
    if target.output.as_json:
        target.output.json(items)
        return
    target.output.table(
        ("webhook", "status", "url", "events"),
        [(item["webhook_id"], item["status"], item["url"], _events(item)) for item in items],
    )


@webhooks.command("rm")
@click.argument("webhook_id")
@user_command
def rm(target: UserContext, webhook_id: str) -> None:
    """Remove a webhook; pending deliveries are dropped."""
    target.api.call("DELETE", _at(webhook_id))
    target.output.line(f"{webhook_id} is removed.")


@webhooks.command("test")
@click.argument("webhook_id")
@user_command
def test(target: UserContext, webhook_id: str) -> None:
    """Send a test event; `webhooks deliveries` shows its result."""
    delivery = target.api.call("POST", f"{_at(webhook_id)}/test")
    target.output.line(f"{delivery['delivery_id']} is on its way.")


@webhooks.command("secret")
@click.argument("webhook_id")
@user_command
def secret(target: UserContext, webhook_id: str) -> None:
    """Create a new secret and show it; the old one signs too, for a day."""
    webhook = target.api.call("POST", f"{_at(webhook_id)}/secret")
    if target.output.as_json:
        target.output.json(webhook)
        return
    target.output.line(f"Secret, shown only now: {webhook['secret']}")


@webhooks.command("deliveries")
@click.argument("webhook_id")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@user_command
def deliveries(target: UserContext, webhook_id: str, limit: int) -> None:
    """Show the newest deliveries, and why one failed."""
    page = target.api.call("GET", f"{_at(webhook_id)}/deliveries", params={"limit": str(limit)})
    if target.output.as_json:
        target.output.json(page["items"])
        return
    target.output.table(
        ("delivery", "event", "status", "attempts", "answer", "reason"),
        [
            (
                item["delivery_id"],
                item["type"],
                item["status"],
                item["attempts"],
                item["last_http_status"] or "",
                item["last_error"],
            )
            for item in page["items"]
        ],
    )


@webhooks.command("retry")
@click.argument("webhook_id")
@click.argument("delivery_id")
@user_command
def retry(target: UserContext, webhook_id: str, delivery_id: str) -> None:
    """Retry a delivery at once."""
    place = f"{_at(webhook_id)}/deliveries/{quote(delivery_id, safe='')}/retry"
    target.api.call("POST", place)
    target.output.line(f"{delivery_id} is on its way again.")


def _at(webhook_id: str) -> str:
    return f"{_PLACE}/{quote(webhook_id, safe='')}"


def _events(webhook: Json) -> str:
    return ", ".join(webhook["events"]) or "every event"
