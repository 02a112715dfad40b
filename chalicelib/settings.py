"""Settings: what an entry point needs to know of its stage, parsed from the environment once.

Each entry point names its own fields, so that a missing variable that it does not need cannot
stop it. A field `records_table` is read from `HEADRACE_RECORDS_TABLE`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self, dataclass_transform

from chalicelib.errors import InvalidInput

PREFIX = "HEADRACE_"
MEBIBYTE = 1024 * 1024


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Settings:
    """The base of every entry point's settings; fields are `str` or `int`.

    To readers and type checkers they are frozen dataclasses. Making one of those takes a third of
    a millisecond of every start, which loads all of these and uses a few.
    """

    def __init__(self, **given: str | int) -> None:
        vars(self).update(given)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} is read once and cannot be set.")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *sorted(vars(self).items())))

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Parse the fields of this class from `environ`.

        Raises:
            InvalidInput: a variable is missing or is not a positive whole number.
        """
        given: dict[str, str | int] = {}
        for field, written in cls.__annotations__.items():
            name = PREFIX + field.upper()
            value = environ.get(name, "")
            if value:
                given[field] = _whole(name, value) if written == "int" else value
            elif not hasattr(cls, field):
                raise InvalidInput(f"The environment variable {name} is not set.", field=name)
        return cls(**given)


class IngestSettings(Settings):
    """Settings of the event handlers of `app.py`."""

    records_table: str
    ingest_machine_arn: str
    remove_machine_arn: str
    extract_machine_arn: str
    event_bus: str
    inbox_queue_url: str
    max_running_ingests: int = 20


class ReadSettings(Settings):
    """Settings of `read_document`; `max_file_bytes` is the size limit of a file."""

    max_file_bytes: int = 1024 * MEBIBYTE


class ChunkSettings(Settings):
    """Settings of `chunk_document`."""

    models_dir: str


class EmbedSettings(Settings):
    """Settings of `embed_chunks` and `reembed_passages`; `bucket` has the stage's own models."""

    records_table: str
    models_dir: str
    bucket: str


class RunCodeSettings(Settings):
    """Settings of `run_code`."""

    models_dir: str


class RemoveSettings(Settings):
    """Settings of `remove_data`."""

    bucket: str
    records_table: str
    inbox_queue_url: str
    schedule_group: str
    rollout_machine_arn: str


class JobSettings(Settings):
    """Settings for starting, settling and sweeping jobs; `bucket` holds their files."""

    records_table: str
    event_bus: str
    export_machine_arn: str
    remove_machine_arn: str
    reindex_machine_arn: str
    batch_machine_arn: str
    generate_machine_arn: str
    schedule_machine_arn: str
    evaluate_machine_arn: str
    rollout_machine_arn: str
    extract_machine_arn: str
    bucket: str = ""


class ScheduleSettings(Settings):
    """Settings of what claims, begins and settles the runs of schedules.

    `schedule_group` holds the entries of EventBridge Scheduler, which send to the queue as the
    role. At most `max_scheduled_runs` go on at once.
    """

    records_table: str
    event_bus: str
    bucket: str
    schedule_machine_arn: str
    schedule_group: str
    schedule_queue_arn: str
    schedule_dead_letters_arn: str
    schedule_role_arn: str
    max_scheduled_runs: int = 10


class RunScheduleSettings(Settings):
    """Settings of `run_schedule`, whose runs have their work done by jobs of these machines.

    A tenant without limits of its own may spend `daily_dollars` and `monthly_dollars`; 0 is no
    limit.
    """

    records_table: str
    export_machine_arn: str
    batch_machine_arn: str
    evaluate_machine_arn: str
    remove_machine_arn: str
    extract_machine_arn: str
    embed_function: str
    event_bus: str
    embed_memory_mb: int = 1769
    max_file_bytes: int = 1024 * MEBIBYTE
    daily_dollars: str = "0"
    monthly_dollars: str = "0"


class RolloutSettings(Settings):
    """Settings of `advance_rollout`."""

    records_table: str
    event_bus: str


class RecordsSettings(Settings):
    """The table of records: all that the authorizer needs."""

    records_table: str


class WebhookSettings(Settings):
    """Settings of webhooks.

    `webhook_targets` is `public`, or `any` if the stage may also call private addresses and plain
    http, such as a laptop's own.
    """

    records_table: str
    webhook_queue_url: str
    webhook_targets: str = "public"

    @property
    def private_allowed(self) -> bool:
        """Tell whether a webhook may name a private address."""
        return self.webhook_targets == "any"


class BudgetSettings(Settings):
    """Settings of budgets, and the default limits of a tenant.

    A tenant without limits of its own may use these: dollars a day and a month, requests and tokens
    a minute; 0 is no limit.
    """

    records_table: str
    event_bus: str
    daily_dollars: str = "0"
    monthly_dollars: str = "0"
    requests_a_minute: str = "0"
    tokens_a_minute: str = "0"


class GenerationSettings(Settings):
    """Settings for calling models; those of budgets come on top.

    `model_seconds` is how long one call of a model is waited for; `endpoint_bucket` is where calls
    of asynchronous endpoints lie, empty where there is none. `check_function` holds answers to what
    they were given, and has `check_memory_mb`; without it, nothing does. `model_functions` are the
    functions that run models, as the catalogue and as Lambda call them: `one=name other=name`.
    `model_targets` is `public`, or `any` if servers of added models may have private addresses and
    plain http, such as a laptop's own.
    """

    records_table: str
    model_functions: str = ""
    model_targets: str = "public"
    model_seconds: int = 25
    endpoint_bucket: str = ""
    check_function: str = ""
    check_memory_mb: int = 1769

    @property
    def private_models(self) -> bool:
        """Tell whether an added model's server may have a private address."""
        return self.model_targets == "any"

    @property
    def functions(self) -> Mapping[str, str]:
        """Return Lambda's names of the functions that run models, by the catalogue's.

        Raises:
            InvalidInput: one of them has no name.
        """
        pairs = [each.partition("=") for each in self.model_functions.split()]
        if wrong := [given for given, _, name in pairs if not (given and name)]:
            raise InvalidInput(
                f"HEADRACE_MODEL_FUNCTIONS names no function for {wrong[0]!r}; it must be"
                " one=name other=name.",
                field="HEADRACE_MODEL_FUNCTIONS",
            )
        return {given: name for given, _, name in pairs}


class ServingSettings(Settings):
    """Settings of functions that serve models which the stage trained: their bucket."""

    bucket: str


class ModelSettings(Settings):
    """Settings for reading the models of a stage.

    `model_queues` is `own`, or `shared` if models of Bedrock with the same local stand-in share its
    process, and so one queue.
    """

    records_table: str
    model_queues: str = "own"

    @property
    def queues_shared(self) -> bool:
        """Tell whether stand-ins share a queue. Raises `InvalidInput`."""
        if self.model_queues not in ("own", "shared"):
            raise InvalidInput(
                f"HEADRACE_MODEL_QUEUES is {self.model_queues!r}; it must be own or shared.",
                field="HEADRACE_MODEL_QUEUES",
            )
        return self.model_queues == "shared"


class PlaceSettings(Settings):
    """The area in which a model may process a call: region, geography or global.

    `image_region` is where Bedrock's image models are called that the stage's own region lacks, ""
    for a region of the same geography, `none` for no other.
    """

    model_reach: str = "geography"
    image_region: str = ""


class BatchSettings(Settings):
    """Settings of a batch's steps; `batch_concurrency` is the number of concurrent children."""

    records_table: str
    batch_concurrency: int = 10


class GenerateItemsSettings(Settings):
    """Settings of `generate_items`, beside those of generation."""

    records_table: str
    run_code_function: str


class HarvestSettings(Settings):
    """Settings of Bedrock's batch jobs.

    `batch_role_arn` is the role that reads and writes for them, `batch_poll_seconds` the time
    between two polls of a job.
    """

    records_table: str
    batch_role_arn: str
    batch_poll_seconds: int = 300


class ScreeningSettings(Settings):
    """Settings of screening; `screening` is the default policy of a tenant: off, flag or refuse."""

    records_table: str
    screen_text_function: str
    screen_image_function: str
    screening: str = "off"


class GuardrailSettings(Settings):
    """Bedrock's guardrail for all calls of models; none if the id is empty."""

    guardrail_id: str = ""
    guardrail_version: str = "DRAFT"


class FeedbackSettings(Settings):
    """Settings for recording ratings; `bucket` holds the rows for training."""

    records_table: str
    bucket: str
    event_bus: str


class QuerySettings(Settings):
    """Settings of search and answers.

    `label_function` labels a picture that is used as a query, which only the API takes.
    """

    embed_function: str
    check_function: str
    rerank_function: str
    rerank: str = "off"
    """`on` if searches and answers rerank by default, else `off`."""
    chat_model_id: str = ""
    answer_model_seconds: int = 5
    """How long an answer waits for a language model that the request does not ask for."""
    embed_memory_mb: int = 1769
    label_function: str = ""

    @property
    def reranks(self) -> bool:
        """Tell whether a query is reranked by default. Raises `InvalidInput`."""
        if self.rerank not in ("on", "off"):
            raise InvalidInput(
                f"HEADRACE_RERANK is {self.rerank!r}; it must be on or off.",
                field="HEADRACE_RERANK",
            )
        return self.rerank == "on"


class ExtractSettings(Settings):
    """Settings of `extract_fields`."""

    records_table: str
    event_bus: str


class ApiSettings(Settings):
    """Settings of the HTTP API; those of queries come on top."""

    bucket: str
    records_table: str
    inbox_queue_url: str
    max_file_bytes: int = 1024 * MEBIBYTE
    render_function: str = ""
    extract_function: str = ""


class MediaSettings(Settings):
    """Settings of decoding files of calls: by `media_function`, which has `media_memory_mb`."""

    media_function: str = ""
    media_memory_mb: int = 1769


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
