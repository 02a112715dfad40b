"""Settings: what an entry point needs to know of its stage, parsed from the environment once.

Each entry point names its own fields, so that a missing variable that it does not need cannot
stop it. A field `records_table` is read from `HEADRACE_RECORDS_TABLE`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from chalicelib.errors import InvalidInput

PREFIX = "HEADRACE_"
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Settings:
    """The base of every entry point's settings; fields are `str` or `int`."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Parse the fields of this class from `environ`.

        Raises:
            InvalidInput: a variable is missing or is not a positive whole number.
        """
        given: dict[str, str | int] = {}
        for field in dataclasses.fields(cls):
            name = PREFIX + field.name.upper()
            value = environ.get(name, "")
            if value:
                given[field.name] = _whole(name, value) if field.type == "int" else value
            elif field.default is dataclasses.MISSING:
                raise InvalidInput(f"The environment variable {name} is not set.", field=name)
        return cls(**given)


@dataclass(frozen=True, slots=True)
class IngestSettings(Settings):
    """What the event handlers of `app.py` need."""

    records_table: str
    ingest_machine_arn: str
    event_bus: str
    inbox_queue_url: str
    max_running_ingests: int = 20


@dataclass(frozen=True, slots=True)
class ReadSettings(Settings):
    """What `read_document` needs; `max_file_bytes` is the largest file that is read."""

    max_file_bytes: int = 1024 * MEBIBYTE


@dataclass(frozen=True, slots=True)
class ChunkSettings(Settings):
    """What `chunk_document` needs."""

    models_dir: str


@dataclass(frozen=True, slots=True)
class EmbedSettings(Settings):
    """What `embed_chunks` needs."""

    records_table: str
    models_dir: str


@dataclass(frozen=True, slots=True)
class RemoveSettings(Settings):
    """What `remove_data` needs."""

    bucket: str
    records_table: str
    inbox_queue_url: str


@dataclass(frozen=True, slots=True)
class JobSettings(Settings):
    """What begins, settles and sweeps jobs; `bucket` is where the API lets them work."""

    records_table: str
    event_bus: str
    export_machine_arn: str
    remove_machine_arn: str
    reindex_machine_arn: str
    bucket: str = ""


@dataclass(frozen=True, slots=True)
class RecordsSettings(Settings):
    """What the authorizer needs, and the HTTP API beside the rest."""

    records_table: str


@dataclass(frozen=True, slots=True)
class WebhookSettings(Settings):
    """What webhooks need. `webhook_targets` is `public`, or `any` where a stage may also call
    private addresses and plain http, such as a laptop's own.
    """

    records_table: str
    webhook_queue_url: str
    webhook_targets: str = "public"

    @property
    def private_allowed(self) -> bool:
        """Tell whether a webhook may name a private address."""
        return self.webhook_targets == "any"


@dataclass(frozen=True, slots=True)
class FeedbackSettings(Settings):
    """What taking ratings needs; `bucket` is where rows for training lie."""

    records_table: str
    bucket: str
    event_bus: str


@dataclass(frozen=True, slots=True)
class QuerySettings(Settings):
    """What searching and answering need."""

    embed_function: str
    check_function: str
    rerank_function: str
    rerank: str = "off"
    """`on` where searches and answers rerank unless they are told not to."""
    chat_model_id: str = ""
    embed_memory_mb: int = 1769

    @property
    def reranks(self) -> bool:
        """Tell whether a query is reranked that does not say. Raises `InvalidInput`."""
        if self.rerank not in ("on", "off"):
            raise InvalidInput(
                f"HEADRACE_RERANK is {self.rerank!r}; it must be on or off.",
                field="HEADRACE_RERANK",
            )
        return self.rerank == "on"


@dataclass(frozen=True, slots=True)
class ApiSettings(Settings):
    """What the HTTP API needs, beside what queries do."""

    bucket: str
    records_table: str
    inbox_queue_url: str
    max_file_bytes: int = 1024 * MEBIBYTE


def memory_gb(environ: Mapping[str, str]) -> float:
    """Return the memory of the Lambda function that this is, in GB as they are billed."""
    name = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
    return _whole(name, environ.get(name, "")) / 1024


def _whole(name: str, value: str) -> int:
    try:
        number = int(value)
    except ValueError as error:
        raise InvalidInput(f"{name} is {value!r}, not a whole number.", field=name) from error
    if number < 1:
        raise InvalidInput(f"{name} is {number}; it must be at least 1.", field=name)
    return number
