from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from models.training import metrics

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def test_should_print_a_line_that_its_own_definitions_read() -> None:
    told = metrics.log_line(12, {"loss": 0.123, "kl": 1e-9})
    assert told == "step=12; metric:loss=0.123; metric:kl=1e-09;"
    for definition, value in zip(
        metrics.metric_definitions(["loss", "kl"]), ("0.123", "1e-09"), strict=True
    ):
        found = re.search(definition["Regex"], told)
        assert found is not None
        assert found.group(1) == value


@given(st.integers(0, 10**9), st.dictionaries(NAMES, NUMBERS, min_size=1, max_size=5))
def test_should_read_what_it_printed_to_seven_digits(step: int, values: dict[str, float]) -> None:
    found = metrics.parse_line(metrics.log_line(step, values))
    assert found is not None
    assert found[0] == step
    assert found[1].keys() == values.keys()
    for name, value in values.items():
        assert found[1][name] == float(f"{value:.7g}")


def test_should_pass_over_other_lines() -> None:
    assert metrics.parse_line("Training vae, tiny, on cpu.") is None


def test_should_not_take_a_name_for_the_end_of_another() -> None:
    (definition,) = metrics.metric_definitions(["loss"])
    assert re.search(definition["Regex"], "metric:test_loss=3;") is None
