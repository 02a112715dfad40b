"""Reports hold what came of a run, and nothing that a model wrote gets out of its place."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.contracts.evaluations.results import EvaluationResult
from chalicelib.contracts.evaluations.suites import SuiteCase, Target
from chalicelib.errors import ModelFailure, QuotaExceeded
from chalicelib.evaluation.reports.html import html_report
from chalicelib.evaluation.reports.junit import junit_xml
from chalicelib.evaluation.summary import summarize
from tests.unit.evaluation.fakes import Targets, right, runner, suite

NOW = datetime(2026, 11, 30, tzinfo=UTC)
HOSTILE = "</pre><script>alert(1)</script>]]>&\x00\ud800"


def result(wrong: str = HOSTILE) -> EvaluationResult:
    """Return a run with a right, a wrong, a failed and a refused answer."""

    def reply(target: Target, case: SuiteCase, repeat: int) -> str:
        if case.id == "c1":
            return wrong
        if case.id == "c2":
            raise ModelFailure("nothing usable")
        if case.id == "c3":
            raise QuotaExceeded("the budget is used up")
        return right(target, case, repeat)

    made = suite(description="Rivers & lakes <b>")
    cases = list(runner(made, Targets(reply)).run_all())
    return summarize(made, cases, evaluation_id="e1", created_at=NOW)


class Tags(HTMLParser):
    """Collects tags, and checks that each that opens is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_junit_should_count_failures_errors_and_what_was_skipped() -> None:
    root = ET.fromstring(junit_xml(result()))
    (target, gate) = root
    told = {name: target.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert told == {"tests": "6", "failures": "1", "errors": "1", "skipped": "1"}
    (failure,) = gate.iter("failure")
    assert "1 of 6 answers were not run: the budget is used up" in (failure.text or "")


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=60))
def test_no_answer_should_leave_its_place(text: str) -> None:
    told = result(text)
    ET.fromstring(junit_xml(told))
    page = html_report(told)
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert "script" not in tags.seen
    page.encode()


def test_the_page_should_say_what_came_of_it() -> None:
    page = html_report(result())
    assert "<script" not in page
    assert "The gate did not pass" in page
    assert "Rivers &amp; lakes &lt;b&gt;" in page
    assert page.index("nothing usable") < page.index('<strong class="good">passed')
    assert 'lang="en"' in page
    assert "prefers-color-scheme" in page
    assert "src=" not in page.replace("-src", "")


def test_results_should_be_read_again_as_they_were_written() -> None:
    told = result("plain")
    assert EvaluationResult.model_validate_json(told.model_dump_json()) == told
