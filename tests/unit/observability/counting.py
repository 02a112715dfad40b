"""Lines of a log as the metric of failures counts them, and a call that AWS denied."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import translate
from chalicelib.errors import HeadraceError
from chalicelib.observability import logger
from infra.synthesis.sources import read_sources
from tests.cloud import PROJECT
from tests.integration.watching.patterns import Matches, matched, matcher

_DENIED = ClientError(
    {
        "Error": {"Code": "AccessDeniedException", "Message": "not authorized to perform this"},
        "ResponseMetadata": {"HTTPStatusCode": 400},  # type: ignore[typeddict-item]
    },
    "GetItem",
)


@cache
def _counted() -> Matches:
    """Return what the alarm's metric counts, as the template says it."""
    failures = read_sources(PROJECT)["Resources"]["FunctionFailures"]["Properties"]
    return matcher(failures["FilterPattern"])


@contextmanager
def lines_of(service: str) -> Iterator[Callable[[], list[str]]]:
    """Take what the logger of `service` writes; yields what returns its lines."""
    logger(service)
    log = logging.getLogger(service)
    (kept,) = log.handlers
    stream = io.StringIO()
    own = logging.StreamHandler(stream)
    own.setFormatter(kept.formatter)
    log.handlers = [own]
    try:
        yield lambda: stream.getvalue().splitlines()
    finally:
        log.handlers = [kept]


def failures(lines: list[str]) -> list[dict[str, Any]]:
    """Return those of `lines` that count as failures."""
    return [json.loads(line) for line in lines if matched(_counted(), line)]


def denied() -> HeadraceError:
    """Return what a call comes to that a role does not allow."""
    return translate(_DENIED, "reading a document")
