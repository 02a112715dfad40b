from __future__ import annotations

import pytest

from chalicelib.errors import InvalidInput
from chalicelib.settings import (
    EmbedSettings,
    GenerationSettings,
    IngestSettings,
    ReadSettings,
    RecordsSettings,
    memory_gb,
)

ENVIRON = {
    "HEADRACE_RECORDS_TABLE": "records",
    "HEADRACE_INGEST_MACHINE_ARN": "arn",
    "HEADRACE_REMOVE_MACHINE_ARN": "arn",
    "HEADRACE_EXTRACT_MACHINE_ARN": "arn",
    "HEADRACE_EVENT_BUS": "bus",
    "HEADRACE_INBOX_QUEUE_URL": "url",
}


def test_settings_are_read_by_the_names_of_their_fields() -> None:
    settings = IngestSettings.from_environ({**ENVIRON, "HEADRACE_MAX_RUNNING_INGESTS": "3"})
    assert (settings.records_table, settings.max_running_ingests) == ("records", 3)


def test_what_is_not_set_has_its_default_where_there_is_one() -> None:
    assert ReadSettings.from_environ({}).max_file_bytes == 1024 * 1024 * 1024


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_variable_is_named(value: str | None) -> None:
    environ = {"HEADRACE_MODELS_DIR": "models"} | ({} if value is None else {"X": value})
    with pytest.raises(InvalidInput, match="HEADRACE_RECORDS_TABLE is not set"):
        EmbedSettings.from_environ(environ)


@pytest.mark.parametrize("value", ["many", "0", "-1", "1.5"])
def test_a_number_that_is_none_is_refused_by_name(value: str) -> None:
    with pytest.raises(InvalidInput, match="HEADRACE_MAX_FILE_BYTES"):
        ReadSettings.from_environ({"HEADRACE_MAX_FILE_BYTES": value})


def test_functions_that_run_models_have_a_name_each() -> None:
    given = GenerationSettings(records_table="t", model_functions="one=stage-one  two=arn:b:c")
    assert given.functions == {"one": "stage-one", "two": "arn:b:c"}
    assert GenerationSettings(records_table="t").functions == {}


@pytest.mark.parametrize("written", ["one", "one=", "=name"])
def test_a_function_that_runs_models_without_a_name_is_refused(written: str) -> None:
    settings = GenerationSettings(records_table="t", model_functions=f"two=b {written}")
    with pytest.raises(InvalidInput, match=f"names no function for '{written.partition('=')[0]}'"):
        _ = settings.functions


def test_memory_is_counted_in_the_gb_that_are_billed() -> None:
    assert memory_gb({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512"}) == 0.5
    with pytest.raises(InvalidInput):
        memory_gb({})


def test_settings_are_the_same_where_all_is_that_was_read_and_cannot_be_set() -> None:
    """What is built once a process is kept by them."""
    read, again = IngestSettings.from_environ(ENVIRON), IngestSettings.from_environ(ENVIRON)
    other = IngestSettings.from_environ({**ENVIRON, "HEADRACE_EVENT_BUS": "another"})
    assert (read, hash(read)) == (again, hash(again))
    assert len({read, again, other}) == 2
    assert RecordsSettings(records_table="t") != RecordsDouble(records_table="t")
    with pytest.raises(AttributeError, match=r"IngestSettings\.event_bus"):
        setattr(read, "event_bus", "another")  # noqa: B010 - a type checker refuses it otherwise


class RecordsDouble(RecordsSettings):
    """Settings of the same fields, for something else."""
