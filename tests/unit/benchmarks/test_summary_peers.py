from __future__ import annotations

from typing import Any

from benchmarks.summary_peers import ingest, memory, search


def spread(median: float) -> dict[str, float]:
    return {"median": median, "p10": median * 0.9, "p90": median * 1.1, "p95": median * 1.2}


def test_sizes_should_stand_side_by_side() -> None:
    found = {
        "measured": {
            f"{size} chunks, {turn}": spread(median)
            for size, median in (("10,000", 1.0), ("100,000", 10.0))
            for turn in ("scan", "POST /v1/search")
        },
        "facts": {
            "10,000 chunks, first query loads the index, seconds": 1.1,
            "100,000 chunks, first query loads the index, seconds": 9.7,
        },
    }
    head, _, *rows, _, told = search(found)
    assert told.endswith("once: 1.1 s and 9.7 s.")
    assert head == "| milliseconds | 10,000 chunks, p50 | p95 | 100,000 chunks, p50 | p95 |"
    assert rows == [
        "| scan | 1.0 | 1.2 | 10.0 | 12.0 |",
        "| POST /v1/search | 1.0 | 1.2 | 10.0 | 12.0 |",
    ]


def test_a_file_that_has_no_parts_should_have_no_figure_of_them() -> None:
    found = {
        "measured": {
            "CSV of 1 MB, ours, plan": spread(190.0),
            "CSV of 1 MB, ours, chunk": spread(66.0),
            "CSV of 1 MB, ours": spread(190.0),
            "CSV of 1 MB, LlamaIndex": spread(144.0),
        },
        "facts": {"CSV of 1 MB, MiB before, ours": 184, "CSV of 1 MB, MiB before, LlamaIndex": 140},
    }
    lines = list(memory(found))
    assert lines[2] == "| CSV of 1 MB | 190 | - | 66 | 144 |"
    assert lines[-1].endswith("184 MiB on our side, 140 MiB on theirs.")


def test_both_sides_and_the_cloud_should_be_shown() -> None:
    measured: dict[str, Any] = {}
    for kind in ("pdf", "docx"):
        for side, rate in (
            ("ours", 40.0),
            ("LlamaIndex", 10.0),
            ("LlamaIndex, our embedder", 38.0),
        ):
            measured[f"{kind}, {side}"] = spread(rate)
            for part in ("read", "chunk", "embed", "write", "first search"):
                measured[f"{kind}, {side}, {part}"] = spread(100 / rate)
        measured[f"{kind}, ours against LlamaIndex"] = spread(4.0)
        measured[f"{kind}, ours against LlamaIndex, our embedder"] = spread(1.05)
    measured["scanned PDF, whole cloud"] = spread(0.17)
    measured["scanned PDF, a thousand pages"] = spread(0.1788)
    lines = list(ingest({"measured": measured, "facts": {"scanned PDF, pages a file": 5}}))
    assert (
        "| PDF | 40.0 | 10.0 | 4.00 (3.60 to 4.40) | 38.0; ours : it 1.05 (0.95 to 1.16) |" in lines
    )
    assert "| embed | 2.5 | 10.0 | 2.5 | 10.0 |" in lines
    assert lines[-1] == "| scanned PDF, 5 pages a file | 0.17 | 0.1788 |"
