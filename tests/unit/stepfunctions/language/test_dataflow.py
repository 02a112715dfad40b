"""Payload processing, variables, retries and the parts of a Map."""

from __future__ import annotations

import gzip
import io
import json
from datetime import UTC, datetime

import pytest

from localcloud.stepfunctions.language import error_handlers, map_items, values
from localcloud.stepfunctions.language.errors import StatesError
from localcloud.stepfunctions.language.jsonpath import payload_templates
from localcloud.stepfunctions.language.state_machine import Catcher, ReaderConfig, Retrier
from localcloud.stepfunctions.language.values import ABSENT, Environment, Json
from localcloud.stepfunctions.language.variables import (
    MAX_ASSIGN_BYTES,
    MAX_VARIABLE_BYTES,
    VariableScope,
    is_valid_name,
)

ENVIRONMENT = Environment({"State": {"Name": "S"}}, {"v": {"w": 1}})


def failure(caught: pytest.ExceptionInfo[StatesError]) -> tuple[str, str]:
    return caught.value.name, caught.value.cause


class TestPayload:
    """https://docs.aws.amazon.com/step-functions/latest/dg/input-output-inputpath-params.html"""

    def test_fills_paths_intrinsics_context_and_variables(self) -> None:
        template: Json = {
            "fixed": [1, {"deep.$": "$.a"}],
            "name.$": "$$.State.Name",
            "variable.$": "$v.w",
            "call.$": "States.Format('{}!', $.a)",
            "list.$": "$.b[*].c",
        }
        value: Json = {"a": "x", "b": [{"c": 1}, {"c": 2}]}
        assert payload_templates.fill(template, value, ENVIRONMENT) == {
            "fixed": [1, {"deep": "x"}],
            "name": "S",
            "variable": 1,
            "call": "x!",
            "list": [1, 2],
        }

    def test_gives_the_value_for_an_absent_template(self) -> None:
        assert payload_templates.fill(ABSENT, {"a": 1}, ENVIRONMENT) == {"a": 1}

    def test_names_the_field_whose_path_leads_to_nothing(self) -> None:
        with pytest.raises(StatesError) as caught:
            payload_templates.fill({"missing.$": "$.nope.deep"}, {"other": 1}, ENVIRONMENT)
        assert failure(caught) == (
            "States.Runtime",
            (
                "The JSONPath '$.nope.deep' specified for the field 'missing.$' could not be "
                "found in the input '{\"other\":1}'"
            ),
        )

    @pytest.mark.parametrize("expression", [5, "plain text", "$.a["])
    def test_refuses_what_is_neither_path_nor_call(self, expression: Json) -> None:
        with pytest.raises(StatesError, match=r"States\.Runtime"):
            payload_templates.fill({"a.$": expression}, {}, ENVIRONMENT)

    def test_selects_nothing_for_a_null_path(self) -> None:
        assert payload_templates.select(None, {"a": 1}, ENVIRONMENT, "InputPath") == {}

    def test_names_a_path_that_leads_to_nothing(self) -> None:
        with pytest.raises(StatesError) as caught:
            payload_templates.select("$.a", {}, ENVIRONMENT, "InputPath")
        assert failure(caught) == (
            "States.Runtime",
            "Invalid path '$.a' : No results for path: $['a']",
        )

    def test_names_the_step_of_a_missing_items_path(self) -> None:
        with pytest.raises(StatesError) as caught:
            payload_templates.select("$.objects", {"a": 1}, ENVIRONMENT, "ItemsPath")
        assert failure(caught) == (
            "States.ReferencePathConflict",
            'Unable to apply step "objects" to input {"a":1}',
        )

    @pytest.mark.parametrize(
        ("path", "merged"),
        [
            (None, {"a": {"b": [1, 2]}}),
            ("$", "result"),
            ("$.a.b[1]", {"a": {"b": [1, "result"]}}),
            ("$.a.c.d", {"a": {"b": [1, 2], "c": {"d": "result"}}}),
            ("$['x']", {"a": {"b": [1, 2]}, "x": "result"}),
        ],
    )
    def test_merges_a_result(self, path: str | None, merged: Json) -> None:
        assert payload_templates.merge(path, {"a": {"b": [1, 2]}}, "result") == merged

    @pytest.mark.parametrize(
        ("path", "raw", "cause"),
        [
            ("$.x", [1], 'Unable to apply step "x" to input [1]'),
            ("$.a.x", {"a": "s"}, 'Unable to apply step "x" to input "s"'),
            ("$.a[3]", {"a": [1]}, 'Unable to apply step "3" to input [1]'),
        ],
    )
    def test_says_where_a_result_does_not_fit(self, path: str, raw: Json, cause: str) -> None:
        with pytest.raises(StatesError) as caught:
            payload_templates.merge(path, raw, 1)
        assert failure(caught) == ("States.ReferencePathConflict", cause)


class TestVariables:
    """https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html"""

    def test_inner_scopes_read_outer_variables_and_keep_their_own(self) -> None:
        outer = VariableScope().assign({"a": 1})
        inner = outer.inner().assign({"b": 2})
        assert inner.visible() == {"a": 1, "b": 2}
        assert outer.visible() == {"a": 1}

    def test_inner_scopes_cannot_assign_outer_variables(self) -> None:
        inner = VariableScope().assign({"a": 1}).inner().inner()
        with pytest.raises(StatesError, match=r"States\.Runtime: Variable 'a'"):
            inner.assign({"a": 2})

    def test_assigning_leaves_the_scope_before_as_it_was(self) -> None:
        scope = VariableScope().assign({"a": 1})
        assert scope.assign({"a": 2}).visible() == {"a": 2}
        assert scope.visible() == {"a": 1}

    def test_a_variable_has_a_size_limit(self) -> None:
        largest = "x" * (MAX_VARIABLE_BYTES - 2)
        VariableScope().assign({"a": largest})
        with pytest.raises(StatesError, match=r"States\.DataLimitExceeded"):
            VariableScope().assign({"a": largest + "x"})

    def test_an_assign_has_a_size_limit(self) -> None:
        half = "x" * (MAX_ASSIGN_BYTES // 2)
        with pytest.raises(StatesError, match=r"States\.DataLimitExceeded"):
            VariableScope().assign({"a": half, "b": half})

    def test_all_variables_have_a_size_limit_together(self) -> None:
        scope = VariableScope()
        for number in range(40):
            scope = scope.assign({f"a{number}": "x" * (MAX_VARIABLE_BYTES - 2)})
        with pytest.raises(StatesError, match=r"States\.DataLimitExceeded"):
            scope.inner().assign({"b": 1})

    @pytest.mark.parametrize("name", ["a", "_a1", "étage", "x" * 80])
    def test_identifiers_are_names(self, name: str) -> None:
        assert is_valid_name(name)

    @pytest.mark.parametrize("name", ["", "1a", "a-b", "states", "x" * 81])
    def test_other_texts_are_no_names(self, name: str) -> None:
        assert not is_valid_name(name)


class TestRetry:
    """https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html"""

    def delays(self, retrier: Retrier, random: float = 0.5) -> list[float]:
        counts: tuple[int, ...] = ()
        delays = []
        while attempt := error_handlers.next_attempt([retrier], "E", counts, lambda: random):
            delays.append(attempt.delay_seconds)
            counts = attempt.counts
        return delays

    def test_backs_off_three_times_by_default(self) -> None:
        assert self.delays(Retrier(error_equals=("E",))) == [1, 2, 4]

    def test_stays_below_the_longest_delay(self) -> None:
        retrier = Retrier(
            error_equals=("E",), interval_seconds=3, max_attempts=4, max_delay_seconds=10
        )
        assert self.delays(retrier) == [3, 6, 10, 10]

    def test_draws_the_delay_with_full_jitter(self) -> None:
        retrier = Retrier(error_equals=("E",), jitter_strategy="FULL", max_attempts=2)
        assert self.delays(retrier, random=0.25) == [0.25, 0.5]

    def test_never_retries_with_no_attempts(self) -> None:
        assert self.delays(Retrier(error_equals=("E",), max_attempts=0)) == []

    def test_counts_for_each_retrier(self) -> None:
        retriers = [
            Retrier(error_equals=("A",), max_attempts=1),
            Retrier(error_equals=("States.ALL",), max_attempts=2),
        ]
        counts: tuple[int, ...] = ()
        for error in ("B", "A", "B"):
            attempt = error_handlers.next_attempt(retriers, error, counts, lambda: 0.0)
            assert attempt is not None
            counts = attempt.counts
        assert counts == (1, 2)
        assert error_handlers.next_attempt(retriers, "A", counts, lambda: 0.0) is None

    def test_survives_an_astronomical_backoff(self) -> None:
        retrier = Retrier(
            error_equals=("E",), backoff_rate=1e300, max_attempts=9, max_delay_seconds=60
        )
        assert self.delays(retrier)[-1] == 60

    def test_the_first_catcher_that_matches_catches(self) -> None:
        catchers = [
            Catcher(error_equals=("A", "B"), next="one"),
            Catcher(error_equals=("States.ALL",), next="two"),
        ]
        found = [
            error_handlers.find_catcher(catchers, error) for error in ("B", "C", "States.Runtime")
        ]
        assert [catcher and catcher.next for catcher in found] == ["one", "two", None]


class TestItems:
    """https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html"""

    def test_an_object_is_read_as_pairs(self) -> None:
        assert map_items.items_of_input({"a": 1}) == [{"Key": "a", "Value": 1}]

    def test_nothing_else_can_be_mapped_over(self) -> None:
        with pytest.raises(StatesError, match="non-iterable"):
            map_items.items_of_input("text")

    def test_a_json_array_is_read_from_its_pointer(self) -> None:
        config = ReaderConfig(input_type="JSON", items_pointer="/a~1b/0")
        body = io.BytesIO(json.dumps({"a/b": [[1, 2]]}).encode())
        assert list(map_items.read_items(config, body)) == [1, 2]

    @pytest.mark.parametrize(
        ("config", "body"),
        [
            (ReaderConfig(input_type="JSON"), b"{"),
            (ReaderConfig(input_type="JSON"), b"1"),
            (ReaderConfig(input_type="JSON", items_pointer="/a"), b"{}"),
            (ReaderConfig(input_type="JSONL"), b"1\n{\n"),
            (ReaderConfig(input_type="CSV"), b"a\n\xff\n"),
            (ReaderConfig(input_type="PARQUET"), b""),
        ],
    )
    def test_a_malformed_source_fails_the_reader(self, config: ReaderConfig, body: bytes) -> None:
        with pytest.raises(StatesError, match=r"States\.ItemReaderFailed"):
            list(map_items.read_items(config, io.BytesIO(body)))

    def test_what_is_beyond_the_limit_is_not_read(self) -> None:
        config = ReaderConfig(input_type="JSONL")
        assert list(map_items.read_items(config, io.BytesIO(b"1\n2\nnot json\n"), 2)) == [1, 2]

    def test_an_entry_of_a_listing_has_the_names_of_step_functions(self) -> None:
        entry = {
            "Key": "k",
            "ETag": '"0570"',
            "LastModified": datetime(2022, 11, 17, 15, 44, 41, tzinfo=UTC),
            "Size": 34910,
        }
        assert map_items.item_of_listing(entry) == {
            "Etag": '"0570"',
            "Key": "k",
            "LastModified": 1668699881,
            "Size": 34910,
            "StorageClass": "STANDARD",
        }

    def test_an_inventory_is_read_through_its_manifest(self) -> None:
        manifest = {
            "destinationBucket": "arn:aws:s3:::reports",
            "fileFormat": "CSV",
            "fileSchema": "Bucket, Key, Size",
            "files": [{"key": "data/1.csv.gz"}],
        }
        inventory = map_items.read_inventory(io.BytesIO(json.dumps(manifest).encode()))
        assert (inventory.bucket, inventory.keys) == ("reports", ("data/1.csv.gz",))
        body = io.BytesIO(gzip.compress(b'"b","k.txt","5"\n'))
        rows = list(map_items.inventory_rows(inventory.headers, body))
        assert rows == [{"Bucket": "b", "Key": "k.txt", "Size": "5"}]

    @pytest.mark.parametrize("manifest", [b"{", b"{}", b'{"fileFormat": "ORC"}', b"[]"])
    def test_another_manifest_is_refused(self, manifest: bytes) -> None:
        with pytest.raises(StatesError, match=r"States\.ItemReaderFailed"):
            map_items.read_inventory(io.BytesIO(manifest))

    def test_a_file_that_is_not_zipped_is_refused(self) -> None:
        with pytest.raises(StatesError, match=r"States\.ItemReaderFailed"):
            list(map_items.inventory_rows(("a",), io.BytesIO(b"plain")))

    def test_the_context_has_the_item(self) -> None:
        context: dict[str, Json] = {"Execution": {}}
        assert map_items.item_context_object(context, 2, "x", source="STATE_DATA") == {
            "Execution": {},
            "Map": {"Item": {"Index": 2, "Value": "x", "Source": "STATE_DATA"}},
        }
        pair: Json = {"Key": "a", "Value": 1}
        assert map_items.item_context_object(context, 0, pair, is_member=True)["Map"] == {
            "Item": {"Index": 0, "Key": "a", "Value": 1}
        }

    def test_an_item_that_fits_no_batch_is_an_error(self) -> None:
        with pytest.raises(StatesError, match=r"States\.DataLimitExceeded"):
            list(map_items.batch_items(["x" * 100], max_bytes=50))

    @pytest.mark.parametrize(
        ("failed", "count", "percentage", "tolerated"),
        [
            (0, None, None, True),
            (1, None, None, False),
            (1, 1, None, True),
            (2, 1, None, False),
            (5, None, 5, True),
            (6, None, 5, False),
            (5, 10, 4, False),
            (5, 4, 10, False),
            (100, None, 100, True),
        ],
    )
    def test_failures_are_tolerated_up_to_both_thresholds(
        self, failed: int, count: int | None, percentage: float | None, tolerated: bool
    ) -> None:
        assert map_items.failures_tolerated(failed, 100, count, percentage) is tolerated


@pytest.mark.parametrize(
    "text",
    ["2016-03-14T01:59:00Z", "2016-03-14T01:59:00.123456789Z", "2016-03-14T01:59:00+05:30"],
)
def test_timestamps_of_the_profile_are_timestamps(text: str) -> None:
    assert values.parse_timestamp(text) is not None


@pytest.mark.parametrize(
    "text",
    ["", "2016-03-14", "2016-03-14t01:59:00Z", "2016-03-14T01:59:00", "2016-13-14T01:59:00Z"],
)
def test_other_texts_are_no_timestamps(text: str) -> None:
    assert values.parse_timestamp(text) is None
