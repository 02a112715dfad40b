"""A parsed state machine: one frozen dataclass for each type of state.

Templates and paths stay as written; an absent template is `ABSENT`, and a path written as
JSON null is None. Field names are those of the language in snake case.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from localcloud.stepfunctions.language.values import ABSENT, Json, JsonObject, Template

QueryLanguage: TypeAlias = Literal["JSONPath", "JSONata"]
Jitter: TypeAlias = Literal["FULL", "NONE"]
Number: TypeAlias = int | float | str
"""A number, or in a JSONata state the text of a `{% … %}` expression that gives one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrier:
    """One entry of `Retry`. Times are seconds; `max_attempts` excludes the first attempt."""

    error_equals: tuple[str, ...]
    interval_seconds: float = 1
    max_attempts: int = 3
    backoff_rate: float = 2.0
    max_delay_seconds: float | None = None
    jitter_strategy: Jitter = "NONE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Catcher:
    """One entry of `Catch`. `result_path` is for JSONPath, `output` for JSONata."""

    error_equals: tuple[str, ...]
    next: str
    result_path: str | None = "$"
    output: Template = ABSENT
    assign: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The fields of every state; `query_language` is the effective one."""

    type: ClassVar[str]
    name: str
    query_language: QueryLanguage = "JSONPath"
    comment: str | None = None

    @property
    def uses_jsonata(self) -> bool:
        """Whether templates of this state are JSONata and not JSONPath."""
        return self.query_language == "JSONata"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformingState(State):
    """A state with input and output filters. `next` is None if the branch ends."""

    next: str | None = None
    input_path: str | None = "$"
    output_path: str | None = "$"
    output: Template = ABSENT
    assign: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryableState(TransformingState):
    """A state whose work can be retried or caught: Task, Parallel and Map."""

    parameters: Template = ABSENT
    arguments: Template = ABSENT
    result_selector: Template = ABSENT
    result_path: str | None = "$"
    retry: tuple[Retrier, ...] = ()
    catch: tuple[Catcher, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState(RetryableState):
    """Calls a resource. Timeouts are seconds; the default timeout is 99,999,999."""

    type: ClassVar[str] = "Task"
    resource: str
    timeout_seconds: Number | None = None
    timeout_seconds_path: str | None = None
    heartbeat_seconds: Number | None = None
    heartbeat_seconds_path: str | None = None
    credentials: Template = ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class PassState(TransformingState):
    """Passes on its input, a fixed `result`, or its `parameters`."""

    type: ClassVar[str] = "Pass"
    parameters: Template = ABSENT
    result: Template = ABSENT
    result_path: str | None = "$"


@dataclass(frozen=True, slots=True, kw_only=True)
class AndRule:
    """True if every part is."""

    parts: tuple[RuleTest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrRule:
    """True if any part is."""

    parts: tuple[RuleTest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotRule:
    """True if the part is not."""

    part: RuleTest


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRule:
    """`variable` is a path, `operator` for example `NumericLessThanPath`, `expected` its value."""

    variable: str
    operator: str
    expected: Json


RuleTest: TypeAlias = AndRule | OrRule | NotRule | ComparisonRule


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceRule:
    """One choice: a `condition` in JSONata, or a `test` in JSONPath."""

    next: str
    condition: str | bool | None = None
    test: RuleTest | None = None
    output: Template = ABSENT
    assign: JsonObject | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceState(TransformingState):
    """Goes to the first rule that holds, else to `default`. `next` is always None."""

    type: ClassVar[str] = "Choice"
    choices: tuple[ChoiceRule, ...]
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitState(TransformingState):
    """Waits for seconds or until a time; exactly one of the four fields is set."""

    type: ClassVar[str] = "Wait"
    seconds: Number | None = None
    seconds_path: str | None = None
    timestamp: str | None = None
    timestamp_path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SucceedState(TransformingState):
    """Ends the branch with success."""

    type: ClassVar[str] = "Succeed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailState(State):
    """Ends the execution with an error."""

    type: ClassVar[str] = "Fail"
    error: str | None = None
    error_path: str | None = None
    cause: str | None = None
    cause_path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StateGraph:
    """States and the first of them: a state machine, a branch or an item processor."""

    start_at: str
    states: Mapping[str, State]
    query_language: QueryLanguage = "JSONPath"
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StateMachine(StateGraph):
    """A whole definition. `timeout_seconds` bounds an execution."""

    timeout_seconds: int | None = None
    version: str = "1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelState(RetryableState):
    """Runs its branches at the same time."""

    type: ClassVar[str] = "Parallel"
    branches: tuple[StateGraph, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemProcessor(StateGraph):
    """The states that Map runs for each item; `execution_type` is for DISTRIBUTED mode."""

    mode: Literal["INLINE", "DISTRIBUTED"] = "INLINE"
    execution_type: Literal["STANDARD", "EXPRESS"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderConfig:
    """How an item source is read.

    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
    """

    input_type: str | None = None
    transformation: Literal["NONE", "LOAD_AND_FLATTEN"] = "NONE"
    manifest_type: str | None = None
    csv_delimiter: str = "COMMA"
    csv_header_location: Literal["FIRST_ROW", "GIVEN"] | None = None
    csv_headers: tuple[str, ...] = ()
    items_pointer: str | None = None
    max_items: Number | None = None
    max_items_path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemReader:
    """Where a distributed Map reads its items: `s3:getObject` or `s3:listObjectsV2`."""

    resource: str
    parameters: Template = ABSENT
    arguments: Template = ABSENT
    reader_config: ReaderConfig = ReaderConfig()


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemBatcher:
    """How items are grouped. Sizes are items and bytes."""

    batch_input: Template = ABSENT
    max_items_per_batch: Number | None = None
    max_items_per_batch_path: str | None = None
    max_input_bytes_per_batch: Number | None = None
    max_input_bytes_per_batch_path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MapResultWriter:
    """Where and how a distributed Map writes results; without `resource` it only formats them.

    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
    """

    resource: str | None = None
    parameters: Template = ABSENT
    arguments: Template = ABSENT
    transformation: Literal["NONE", "COMPACT", "FLATTEN"] | None = None
    output_type: Literal["JSON", "JSONL"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MapState(RetryableState):
    """Runs its item processor for each item.

    A legacy `Iterator` is in `item_processor` and a legacy `Parameters` in `item_selector`.
    `max_concurrency` 0 means that the state sets no limit.
    """

    type: ClassVar[str] = "Map"
    item_processor: ItemProcessor
    items: Template = ABSENT
    items_path: str = "$"
    item_selector: Template = ABSENT
    item_reader: ItemReader | None = None
    item_batcher: ItemBatcher | None = None
    result_writer: MapResultWriter | None = None
    label: str | None = None
    max_concurrency: Number = 0
    max_concurrency_path: str | None = None
    tolerated_failure_count: Number | None = None
    tolerated_failure_count_path: str | None = None
    tolerated_failure_percentage: Number | None = None
    tolerated_failure_percentage_path: str | None = None

    @property
    def is_distributed(self) -> bool:
        """Whether each item runs as a child execution of its own."""
        return self.item_processor.mode == "DISTRIBUTED"
