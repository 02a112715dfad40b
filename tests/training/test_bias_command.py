"""`headrace evaluate bias`: what it says of a file, and how it exits. It needs fairlearn."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.main import run

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    monkeypatch.chdir(tmp_path)

    def called(*arguments: str) -> tuple[int, str, str]:
        code = run(("evaluate", "bias", *arguments))
        said = capsys.readouterr()
        return code, said.out, said.err

    return called


def rows(**cells: tuple[int, int, int, int]) -> list[tuple[str, int, int]]:
    """Return group, label and prediction of a table: by group, TP, FN, FP and TN."""
    kinds = ((1, 1), (1, 0), (0, 1), (0, 0))
    return [
        (group, *kind)
        for group, counts in cells.items()
        for kind, count in zip(kinds, counts, strict=True)
        for _ in range(count)
    ]


def write_csv(**cells: tuple[int, int, int, int]) -> None:
    lines = [",".join(map(str, row)) for row in rows(**cells)]
    Path("p.csv").write_text("group,label,prediction\n" + "\n".join(lines) + "\n")


def test_should_print_rates_and_gaps_and_let_a_fair_file_pass(call: Call) -> None:
    write_csv(north=(160, 40, 40, 160), south=(158, 42, 41, 159))
    code, out, _ = call("p.csv", "--gate", "tpr_gap=0.15", "--gate", "impact_ratio=0.8")
    assert code == 0, out
    # north: selected 160 + 40 of 400; TPR 160 / 200; south: 158 + 41 of 400, and 158 / 200.
    assert "north           400      0.500" in out
    assert "tpr_gap: 0.010 (0.000 to" in out
    assert "impact_ratio: 0.995" in out
    assert "Every gate holds." in out


def test_should_exit_with_1_for_a_biased_file_and_for_one_that_cannot_be_told(call: Call) -> None:
    write_csv(north=(160, 40, 40, 160), south=(90, 110, 40, 160))
    code, out, _ = call("p.csv", "--gate", "tpr_gap=0.15", "--gate", "fpr_gap=0.15")
    assert (code, out.count("may be 0.15 at most")) == (1, 1)
    write_csv(north=(160, 40, 40, 160), south=(6, 1, 2, 40))
    code, out, _ = call("p.csv", "--gate", "tpr_gap=0.15", "--json")
    told = json.loads(out)
    assert code == 1
    reason = "south has 7 members whose label is 1, and 30 are the least"
    assert told["unknown"] == {"tpr_gap": reason}
    assert told["missed_gates"] == [f"tpr_gap_high cannot be told: {reason}"]
    assert "south" not in told["rates"]["tpr"]
    assert told["numbers"]["fpr_gap"] == pytest.approx(0.2 - 2 / 42)


def test_should_read_other_columns_words_and_scores_of_json_lines(call: Call) -> None:
    lines = [
        {"sex": sex, "hired": "ja" if n < 30 else "nein", "s": n / 60 if sex == "f" else 1.0}
        for sex in "fm"
        for n in range(60)
    ]
    Path("p.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    named = ("--group", "sex", "--label", "hired", "--positive", "ja", "--score", "s")
    code, out, _ = call("p.jsonl", *named, "--threshold", "0.5", "--json")
    numbers = json.loads(out)["numbers"]
    # f: those from 0.5 on are 30 of 60, none of them hired; m: all are selected.
    assert (code, numbers["selection_gap"], numbers["tpr_gap"]) == (0, 0.5, 1.0)


def test_should_compare_what_rankings_show(call: Call) -> None:
    lines = [
        f"q{query},{'a' if n % 2 else 'b'},{n + 0.5 * (query % 3)}"
        for query in range(30)
        for n in range(10)
    ]
    Path("r.csv").write_text("query,group,score\n" + "\n".join(lines) + "\n")
    code, out, _ = call("r.csv", "--top", "3", "--json")
    rates = json.loads(out)["rates"]
    # The three best of ten are 9, 8 and 7: two of the five of a, one of the five of b.
    assert code == 0
    assert rates["selection_rate"]["a"]["value"] == pytest.approx(0.4)
    assert rates["selection_rate"]["b"]["value"] == pytest.approx(0.2)
    assert set(rates) == {"selection_rate"}


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("group,prediction\na,1\n", (), "There is 1 group"),
        ("group,score\na,nan\nb,1\n", ("--threshold", "0.5"), "no yes and no no"),
        ("group,score\na,nan\nb,1\n", ("--top", "1"), "score is not a finite number in 1 of 2"),
        ("group,score\na,1\nb,1\n", (), "There is no column of predictions"),
        ("group,prediction\na,1\nb,1\n", ("--top", "1"), "--top takes scores"),
    ],
)
def test_should_exit_with_2_for_a_file_that_cannot_be_used(
    call: Call, text: str, options: tuple[str, ...], message: str
) -> None:
    Path("p.csv").write_text(text)
    code, _, err = call("p.csv", *options)
    assert code == 2
    assert message in err.replace("\n", " ")
