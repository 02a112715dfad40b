from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from benchmarks import exported_graphs, summary_models
from models.failures import OutOfParity


def case(batch: int, ours: list[float], theirs: list[float], apart: float = 2e-7) -> dict[str, Any]:
    sides = {"ours": ours, "theirs": theirs}
    return {"recipe": "vae", "graph": "decoder", "batch": batch, "apart": apart, **sides}


def test_graphs_should_be_compared_turn_by_turn_at_each_batch() -> None:
    cases = [case(1, [1.0, 2.0, 1.0], [4.0, 8.0, 5.0]), case(16, [2.0] * 3, [3.0] * 3)]
    found = exported_graphs.result(cases, "2.13", 3)
    assert found.measured["vae, decoder, batch 1, ours"].median == 1.0
    assert found.ratios == {
        "torch : ours, median of graphs, batch 1": 4.0,
        "torch : ours, median of graphs, batch 16": 1.5,
    }
    body = json.loads(json.dumps({"facts": found.facts, "measured": _measured(found)}))
    rows = list(summary_models.exported_graphs(body))
    assert rows[2] == (
        "| vae, decoder | 1 | 5 | 4.00 (4.00 to 5.00) | 2 | 3 | 1.50 (1.50 to 1.50) | 2e-07 |"
    )


def _measured(found: Any) -> dict[str, Any]:
    return {name: asdict(each) for name, each in found.measured.items()}


@pytest.mark.parametrize("apart", [1.1e-4, float("nan")])
def test_a_graph_that_says_something_else_should_not_be_timed(apart: float) -> None:
    with pytest.raises(OutOfParity, match="vae, decoder, batch 1 differs"):
        exported_graphs.result([case(1, [1.0], [2.0], apart)], "2.13", 1)
