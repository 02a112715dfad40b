from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from tests.unit.cli.conftest import Headrace
from tests.unit.cli.fake_headrace import FakeHeadrace

ANSWER: dict[str, Any] = {
    "answer": "It drops in 8 seconds. [1]",
    "answered": True,
    "tier": "extractive",
    "citations": [
        {
            "n": 1,
            "path": "a.md",
            "page": 2,
            "start": 5,
            "end": 27,
            "quote": "It drops in 8 seconds.",
        }
    ],
    "receipt": {
        "lines": [
            {
                "model": "m",
                "role": "embedding",
                "tokens_in": 9,
                "seconds": 0.01,
                "dollars": "0.0001",
            },
            {
                "model": "smollm2",
                "priced_as": "amazon.nova-micro-v1:0",
                "role": "answer",
                "tokens_in": 90,
                "tokens_out": 12,
                "seconds": 1.5,
                "dollars": "0.0000048",
            },
            {"model": "new", "priced_as": "", "role": "check", "tokens_in": 1, "dollars": "0"},
        ],
        "seconds": 0.01,
        "dollars": "0.0001",
        "next_dearer": {"path": "llm", "dollars": "0.002"},
    },
    "notices": ["A notice."],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = tmp_path / "files"
    (files / "sub").mkdir(parents=True)
    (files / ".hidden").write_text("x")
    (files / "a.txt").write_text("alpha")
    (files / "sub" / "b.txt").write_text("beta")
    return files


class TestPut:
    def test_should_upload_a_folder_and_wait(
        self, headrace: Headrace, fake: FakeHeadrace, folder: Path
    ) -> None:
        ended = headrace("put", str(folder), "--json")
        assert ended.code == 0
        assert [(item["path"], item["state"]) for item in ended.json] == [
            ("a.txt", "ready"),
            ("sub/b.txt", "ready"),
        ]
        assert {kept["bytes"] for kept in fake.documents.values()} == {4, 5}

    def test_should_leave_alone_what_is_there_with_the_same_bytes(
        self, headrace: Headrace, folder: Path
    ) -> None:
        headrace("put", str(folder))
        ended = headrace("put", str(folder), "--json")
        assert [item["state"] for item in ended.json] == ["unchanged", "unchanged"]

    def test_should_upload_new_bytes_again(self, headrace: Headrace, folder: Path) -> None:
        headrace("put", str(folder / "a.txt"))
        (folder / "a.txt").write_text("changed")
        assert headrace("put", str(folder / "a.txt"), "--json").json[0]["state"] == "ready"

    def test_should_say_why_a_file_was_rejected_and_exit_with_1(
        self, headrace: Headrace, folder: Path
    ) -> None:
        (folder / "bad.pdf").write_text("secret")
        (folder / "empty.txt").touch()
        ended = headrace("put", str(folder))
        assert ended.code == 1
        assert "The file is encrypted." in ended.err
        assert "The file is empty. (field bytes, limit 1, request req-1)" in ended.err
        assert "2 ready, 2 rejected." in ended.out

    def test_should_reject_a_file_whose_name_cannot_be_sent_and_take_the_others(
        self, headrace: Headrace, folder: Path
    ) -> None:
        (folder / "caf\udce9.txt").write_text("named on an old disk")
        ended = headrace("put", str(folder), "--json")
        assert ended.code == 1
        assert [(item["path"], item["state"]) for item in ended.json] == [
            ("a.txt", "ready"),
            ("caf\N{REPLACEMENT CHARACTER}.txt", "rejected"),
            ("sub/b.txt", "ready"),
        ]
        assert "UTF-8" in ended.json[1]["reason"]

    def test_should_give_up_on_a_file_that_never_settles(
        self, headrace: Headrace, folder: Path
    ) -> None:
        (folder / "lost.txt").write_text("x")
        ended = headrace("put", str(folder / "lost.txt"), "--wait", "1", "--json")
        assert ended.code == 1
        assert ended.json[0]["state"] == "failed"

    def test_should_return_at_once_when_told_not_to_wait(
        self, headrace: Headrace, folder: Path
    ) -> None:
        (folder / "lost.txt").write_text("x")
        ended = headrace("put", str(folder / "lost.txt"), "--no-wait", "--json")
        assert (ended.code, ended.json[0]["state"]) == (0, "uploaded")

    def test_should_refuse_two_files_of_one_name(self, headrace: Headrace, folder: Path) -> None:
        (folder / "sub" / "a.txt").write_text("other")
        ended = headrace("put", str(folder / "a.txt"), str(folder / "sub" / "a.txt"))
        assert ended.code == 2
        assert "would both become 'a.txt'" in ended.err

    def test_should_refuse_an_empty_folder(self, headrace: Headrace, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        assert headrace("put", str(tmp_path / "empty")).code == 2

    def test_should_make_nothing_twice_when_a_create_is_tried_again(
        self, headrace: Headrace, fake: FakeHeadrace, folder: Path
    ) -> None:
        fake.failures = [(503, {"Retry-After": "0"})]
        assert headrace("put", str(folder / "a.txt")).code == 0
        first, again = fake.keys[:2]
        assert first is not None
        assert first == again


class TestDocuments:
    def test_should_list_every_page(self, headrace: Headrace, folder: Path) -> None:
        for name in ("c", "d", "e"):
            (folder / f"{name}.txt").write_text(name)
        headrace("put", str(folder))
        assert len(headrace("ls", "--json").json) == 5
        table = headrace("ls").out
        assert "sub/b.txt" in table

    def test_should_show_one_document(self, headrace: Headrace, folder: Path) -> None:
        (result,) = headrace("put", str(folder / "a.txt"), "--json").json
        ended = headrace("status", result["document_id"])
        assert "a.txt" in ended.out

    def test_should_count_documents_by_status(self, headrace: Headrace, folder: Path) -> None:
        headrace("put", str(folder))
        ended = headrace("status", "--json")
        assert ended.json["documents"]["ready"] == 2
        assert "is ok (stage test)" in headrace("status").out

    def test_should_delete_and_say_what_it_could_not(
        self, headrace: Headrace, fake: FakeHeadrace, folder: Path
    ) -> None:
        (result,) = headrace("put", str(folder / "a.txt"), "--json").json
        ended = headrace("rm", "--yes", result["document_id"], "doc_none")
        assert ended.code == 1
        assert "doc_none: NotFound: There is none." in ended.err
        assert "3 objects, 2 vectors, 2 records" in ended.out
        assert "DynamoDB, up to 35 days: its path" in ended.out
        assert "nothing" not in ended.out
        assert fake.documents == {}

    @pytest.mark.parametrize("option", [[], ["--json"]])
    def test_should_remove_nothing_and_say_so_where_the_answer_is_no(
        self,
        headrace: Headrace,
        fake: FakeHeadrace,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        option: list[str],
    ) -> None:
        (result,) = headrace("put", str(folder / "a.txt"), "--json").json
        monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
        ended = headrace("rm", result["document_id"], *option)
        assert ended.code == 1
        assert "Nothing was removed." in ended.err
        assert ended.out == ("[]\n" if option else "")
        assert list(fake.documents) == [result["document_id"]]


class TestAsk:
    def test_should_print_the_answer_its_places_and_its_receipt(
        self, headrace: Headrace, fake: FakeHeadrace
    ) -> None:
        rollout = {"rollout_id": "rol_1", "arm": "candidate"}
        fake.answer = ANSWER | {"receipt": ANSWER["receipt"] | {"rollout": rollout}}
        given = ("How fast?", "--collection", "c", "--tier", "llm", "--end-user", "ada")
        ended = headrace("ask", *given, "--receipt")
        assert "It drops in 8 seconds. [1]" in ended.out
        assert "[1] a.md, page 2, characters 5 to 27" in ended.out
        assert "embedding: m, 9 tokens in, 0.010 s, $0.0001\n" in ended.out
        assert (
            "answer: smollm2, 90 tokens in, 12 tokens out, 1.500 s, $0.0000048"
            " as amazon.nova-micro-v1:0\n"
        ) in ended.out
        assert "check: new, 1 tokens in, no list price known\n" in ended.out
        assert "total: functions and models 0.010 s, $0.0001 at AWS's list prices" in ended.out
        assert "next dearer: llm, $0.002" in ended.out
        assert "candidate arm of rollout rol_1" in ended.out
        assert "A notice." in ended.err
        sent = {"question": "How fast?", "collection": "c", "tier": "llm", "end_user": "ada"}
        assert fake.requests[-1] == ("POST", "/v1/ask", sent)

    def test_should_print_one_line_of_the_receipt_unless_asked_for_all(
        self, headrace: Headrace, fake: FakeHeadrace
    ) -> None:
        fake.answer = ANSWER
        ended = headrace("ask", "How fast?")
        found = re.search(r"  answered in (\S+) s, of which functions and models (.*)\n", ended.out)
        assert found is not None
        assert found[2] == "0.010 s, $0.0001 at AWS's list prices"
        assert "embedding" not in ended.out

    def test_should_show_the_nearest_passages_and_what_was_looked_at(
        self, headrace: Headrace, fake: FakeHeadrace
    ) -> None:
        citation = {"n": 1, "path": "a.md", "page": 2, "start": 5, "end": 19}
        passage = {
            "citation": citation | {"quote": "Drop:\n8 seconds"},
            "header": {"quote": "| gate | time |"},
            "highlights": [{"start": 5, "end": 9}],
        }
        looked_at = {"documents": 1, "passages": 3, "paths": ["a.md"], "collection": "c"}
        fake.answer = ANSWER | {
            "answer_id": "ans_1",
            "answer": "No sentence says it outright; these passages are closest.",
            "answered": False,
            "outcome": "nearest",
            "claims": [],
            "citations": [],
            "nearest": [passage],
            "looked_at": looked_at | {"filter": {"language": ["en"]}},
        }
        ended = headrace("ask", "How fast?")
        assert "these passages are closest.\n" in ended.out
        assert "  [1] a.md, page 2, characters 5 to 19\n" in ended.out
        assert "    | gate | time |\n    Drop:\n    8 seconds\n" in ended.out
        place = "of 1 document in the collection c under the filter: a.md"
        assert f"  Looked at 3 passages {place}\n" in ended.out
        assert "headrace open ans_1 1" in ended.out
        claim = {"text": "It drops in 8 seconds.", "citations": [1], "unsupported": False}
        fake.answer = ANSWER | {"claims": [claim], "nearest": [passage]}
        answered = headrace("ask", "How fast?").out
        assert "Also close:\n  [1] a.md, page 2" in answered
        assert "8 seconds\n" not in answered

    def test_should_mark_claims_that_no_passage_supports(
        self, headrace: Headrace, fake: FakeHeadrace
    ) -> None:
        claims = [
            {"text": "It drops in 8 seconds.", "citations": [1], "unsupported": False},
            {"text": "It is red.", "citations": [], "unsupported": True},
        ]
        fake.answer = ANSWER | {"answered": False, "claims": claims, "nearest": []}
        ended = headrace("ask", "How fast?")
        assert "It drops in 8 seconds. [1]\nIt is red. [unsupported]\n" in ended.out

    def test_should_print_json_only_for_programs(
        self, headrace: Headrace, fake: FakeHeadrace
    ) -> None:
        fake.answer = ANSWER
        assert headrace("ask", "How fast?", "--json").json == ANSWER

    def test_should_print_passages(self, headrace: Headrace, fake: FakeHeadrace) -> None:
        hit = {"path": "a.md", "page": 1, "start": 0, "end": 9, "heading": "H", "score": 0.5}
        fake.answer = {"hits": [hit | {"text": "[bold]not markup[/bold]"}], "notices": []}
        fake.answer["receipt"] = ANSWER["receipt"]
        ended = headrace("search", "x")
        assert "1. a.md, page 1, characters 0 to 9 (score 0.5000)" in ended.out
        assert "[bold]not markup[/bold]" in ended.out


class TestFailures:
    def test_should_try_again_after_the_seconds_that_the_answer_names(
        self, headrace: Headrace, fake: FakeHeadrace
    ) -> None:
        fake.answer = ANSWER
        fake.failures = [(429, {"Retry-After": "0.01"}), (500, {"Retry-After": "0.01"})]
        assert headrace("ask", "x").code == 0
        assert len(fake.requests) == 3

    def test_should_give_up_after_some_attempts(
        self, headrace: Headrace, fake: FakeHeadrace
    ) -> None:
        fake.failures = [(429, {"Retry-After": "0.01"})] * 9
        ended = headrace("ask", "x")
        assert ended.code == 1
        assert "Throttled: Slow down. (request req-1)" in ended.err
        assert len(fake.requests) == 5

    def test_should_exit_with_1_where_the_key_is_refused(self, headrace: Headrace) -> None:
        ended = headrace("ls", "--key", "hr_wrong")
        assert ended.code == 1
        assert "User is not authorized" in ended.err

    def test_should_exit_with_2_where_there_is_no_endpoint(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.delenv("HEADRACE_ENDPOINT", raising=False)
        monkeypatch.delenv("HEADRACE_API_KEY", raising=False)
        assert run(["ls", "--data-dir", str(tmp_path)]) == 2
        assert "headrace up" in capsys.readouterr().err

    @pytest.mark.parametrize("key", ["hr_schlüssel", "hr_x\n", "two words"])
    def test_should_exit_with_2_for_what_cannot_be_a_key(
        self, headrace: Headrace, key: str
    ) -> None:
        ended = headrace("ls", "--key", key)
        assert ended.code == 2
        assert "key" in ended.err

    @pytest.mark.parametrize("endpoint", ["nonsense", "http://", "http://host:port", "ftp://host"])
    def test_should_exit_with_2_for_what_is_no_address(
        self, headrace: Headrace, endpoint: str
    ) -> None:
        ended = headrace("ls", "--endpoint", endpoint)
        assert ended.code == 2
        assert "http://" in ended.err

    def test_should_exit_with_2_for_an_option_that_does_not_exist(self, headrace: Headrace) -> None:
        assert headrace("ls", "--colour").code == 2

    def test_should_find_the_running_local_cloud_by_its_file(
        self,
        headrace: Headrace,
        fake: FakeHeadrace,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        monkeypatch.delenv("HEADRACE_ENDPOINT")
        key = "hr_" + "k" * 40
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "cloud.json").write_text(
            f'{{"pid": 1, "endpoint_url": "{fake.url}", "api_key": "{key}"}}'
        )
        assert headrace("ls", "--json").json == []
