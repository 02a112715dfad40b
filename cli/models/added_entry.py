"""Entries of models that are added, made of the options of `models add`, and their keys."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cli.failures import UsageError
from infra.models.added_models import own_queue

USUAL_ABILITIES = ("streams", "json", "json_schema")
_MILLION = 1_000_000
_MAX_KEY_CHARACTERS = 4_096


def base_url(url: str) -> str:
    """Return the base address within `url`; raise UsageError for none."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        raise UsageError(f"{url!r} is no base address; one is http://127.0.0.1:11434/v1.")
    return url.rstrip("/").removesuffix("/chat/completions")


def read_key(file: Path | None, variable: str | None) -> str | None:
    """Return the key that the options name, None if there is none. Raises UsageError."""
    if file is not None and variable is not None:
        raise UsageError("Give --key-file or --key-env, not both.")
    if file is not None:
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & 0o077:
            raise UsageError(
                f"{file} has mode {mode:o}, so that others may read the key: chmod 600 {file}"
            )
        return _require_key(file.read_text(encoding="utf-8"), str(file))
    if variable is not None:
        if variable not in os.environ:
            raise UsageError(f"The environment variable {variable} is not set.")
        return _require_key(os.environ[variable], variable)
    return None


def _require_key(text: str, source: str) -> str:
    key = text.strip()
    if not key or len(key) > _MAX_KEY_CHARACTERS or not key.isascii() or not key.isprintable():
        raise UsageError(
            f"{source} holds no key: one is a line of 1 to {_MAX_KEY_CHARACTERS:,} printable"
            " characters of ASCII."
        )
    return key


def model_entry(
    name: str, url: str, model_id: str, secret: str, given: dict[str, Any]
) -> dict[str, Any]:
    """Return the entry of the model, in the format of models/served.json."""
    is_chat = given["task"] == "chat"
    context = given["context"]
    limits: dict[str, Any] = {"context_tokens": context}
    if is_chat:
        limits["output_tokens"] = min(given["max_output"] or context // 2, context)
        limits["passage_tokens"] = min(given["passages"] or min(context // 2, 4_000), context)
    elif given["dimensions"]:
        limits["dimensions"] = [given["dimensions"]]
    chat_schema = "openai-chat-completion-tokens" if given["completion_tokens"] else "openai-chat"
    backend = {
        "kind": "openai",
        "url": url,
        "model_id": model_id,
        "schema": chat_schema if is_chat else "openai-embedding",
        "secret": secret,
        "reach": given["reach"],
    }
    private = own_queue(url)
    queue = given["queue"] if given["queue"] is not None else private
    return {
        "name": name,
        "title": given["title"] or model_id,
        # Tenants are told the provider, and need not know an address of the operator's.
        "provider": "own server" if private else urlsplit(url).hostname,
        "task": given["task"],
        "tier": given["tier"],
        "licence": given["terms"],
        "backend": backend,
        "limits": limits,
        "inputs": ["text", "image"] if given["images"] else ["text"],
        "outputs": ["text"] if is_chat else ["embedding"],
        "abilities": list(given["abilities"] or USUAL_ABILITIES) if is_chat else [],
        "lifecycle": {"status": "active"},
        "queue": queue,
        "notes": f"Added on {datetime.now(UTC).date()} by an operator.",
    }


def price_entries(
    name: str, price_in: Decimal | None, price_out: Decimal | None, task: str
) -> list[dict[str, Any]]:
    """Return the prices of one token in the catalogue's format, none if none were given."""
    from chalicelib.generation.added_models import priced_entries

    if price_in is None and price_out is None:
        return []
    if task == "chat" and (price_in is None or price_out is None):
        raise UsageError("Give both --input-price and --output-price, or neither.")
    dollars = {"input_token": price_in, "output_token": price_out}
    per_token = {
        kind: f"{(price / _MILLION).normalize():f}"
        for kind, price in dollars.items()
        if price is not None
    }
    today = datetime.now(UTC).date().isoformat()
    return priced_entries(name, per_token, today, "what the operator said")
