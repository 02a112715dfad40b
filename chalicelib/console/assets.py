"""Files of the console: their names, types and bytes, and the version that they make together.

The files are sent as they lie here: modules that a browser loads, with no build. `vendor` files are
other people's, unmodified; a test holds them to the sha256 of what their packages carry.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent
_PAGE = "index.html"
_VERSION = "{{version}}"
_IMPORT_MAP = re.compile(r'<script type="importmap">(.*?)</script>', re.DOTALL)
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

VENDORED = {
    "preact.mjs": "preact 11.2.0, MIT",
    "hooks.mjs": "preact 11.2.0, MIT",
    "htm.mjs": "htm 3.1.1, Apache-2.0",
}
"""Files of other people's packages, and which package each is from."""

OWN = (
    "console.css",
    "icon.svg",
    "app.js",
    "api.js",
    "session.js",
    "route.js",
    "ui.js",
    "format.js",
    "viewer.js",
    "marked.js",
    "recording.js",
    "regions.js",
    "documents.js",
    "document.js",
    "drop.js",
    "upload.js",
    "ask.js",
    "search.js",
    "extractions.js",
    "extract.js",
    "extractors.js",
    "schemas.js",
    "fields.js",
    "reviews.js",
    "drafts.js",
    "claims.js",
    "labelling.js",
    "labelling-queue.js",
    "labelling-results.js",
    "versions.js",
    "card.js",
    "curves.js",
    "trainings.js",
    "training.js",
    "chat.js",
    "models_field.js",
    "images.js",
    "prompts.js",
    "prompt.js",
    "prompt-form.js",
    "variables.js",
    "batches.js",
    "models.js",
    "rollouts.js",
    "rollout.js",
    "rollout-form.js",
    "monitors.js",
    "monitor.js",
    "monitor-form.js",
    "evaluations.js",
    "evaluation.js",
    "evaluation-form.js",
    "plot.js",
    "ticks.js",
    "jobs.js",
    "job.js",
    "failed-items.js",
    "execution.js",
    "layers.js",
    "schedules.js",
    "schedule-form.js",
    "form.js",
    "schedule.js",
    "usage.js",
    "webhooks.js",
    "webhook.js",
    "keys.js",
)
"""Files of the console's own, beside its page."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent: its text and its media type."""

    text: str
    media_type: str


@functools.cache
def assets() -> dict[str, Asset]:
    """Return the files that the page loads, by name."""
    return {
        name: Asset((_FOLDER / name).read_text(encoding="utf-8"), _TYPES[Path(name).suffix])
        for name in (*VENDORED, *OWN)
    }


@functools.cache
def version() -> str:
    """Return the version of all files together: the first 16 digits of their SHA-256."""
    digest = hashlib.sha256((_FOLDER / _PAGE).read_bytes())
    for name, asset in sorted(assets().items()):
        digest.update(f"{name}\0{asset.text}\0".encode())
    return digest.hexdigest()[:16]


@functools.cache
def page() -> str:
    """Return the page, whose addresses name the version of the files."""
    return (_FOLDER / _PAGE).read_text(encoding="utf-8").replace(_VERSION, version())


def content_security_policy(storage_origin: str) -> str:
    """Return the policy of the page: it runs its own files only, and talks to two origins.

    Args:
        storage_origin: The origin of presigned addresses, where files are sent to and fetched from.

    https://www.w3.org/TR/CSP3/
    """
    given = _IMPORT_MAP.search(page())
    text = given.group(1) if given else ""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'sha256-{digest}'",
            "style-src 'self'",
            f"img-src 'self' data: blob: {storage_origin}",
            f"media-src 'self' blob: {storage_origin}",
            f"connect-src 'self' {storage_origin}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
