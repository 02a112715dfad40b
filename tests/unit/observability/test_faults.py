"""What nobody meant is a line that the metric of failures counts, wherever it is caught."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import errors
from chalicelib.api.http import SERVICE
from chalicelib.errors import HeadraceError, InvalidInput, NotFound, Throttled, Transient, is_fault
from chalicelib.jobs.job_settlement import SweepErrors
from chalicelib.observability import logger, observed, told_under
from functions.stream_answer import handler
from tests.unit.api.fakes import Api, error_of
from tests.unit.api.records import document
from tests.unit.observability.counting import denied, failures, lines_of

KINDS = HeadraceError.__subclasses__()


def test_should_take_a_denied_call_for_a_fault_and_no_kind_that_is_meant() -> None:
    assert is_fault(denied())
    assert len(KINDS) == 10
    assert not any(is_fault(kind("said")) for kind in KINDS)
    of_a_kind = type("Special", (errors.Conflict,), {})
    assert not is_fault(of_a_kind("said"))
    assert is_fault(type("Unheard", (HeadraceError,), {})("said"))


@pytest.mark.parametrize("fault", [denied(), KeyError("nobody meant this")])
def test_should_count_what_nobody_meant_in_a_view(fault: Exception) -> None:
    api = Api()
    found = document("a.txt")
    api.records.add(found)
    api.records.fails = fault
    with lines_of(SERVICE) as lines:
        answer = api.call("GET", f"/v1/documents/{found.document_id}")
        (line,) = failures(lines())
    assert answer.status_code == 500
    assert "AccessDenied" not in error_of(answer)["message"]
    assert type(fault).__name__ in line["exception"]
    assert str(fault) in line["exception"]


def test_should_count_no_answer_of_a_view() -> None:
    api = Api()
    with lines_of(SERVICE) as lines:
        assert api.call("GET", "/v1/documents/doc_none").status_code == 404
        api.records.fails = Transient("no network")
        assert api.call("GET", "/v1/documents/doc_none").status_code == 503
        assert not failures(lines())
        assert [line for line in lines() if '"why":"no network"' in line]


def test_should_count_a_fault_of_a_stream_and_no_refusal() -> None:
    with lines_of(handler.SERVICE) as lines:
        handler.log_error(Throttled("slower"))
        handler.log_error(denied())
        (line,) = failures(lines())
    assert "AccessDeniedException" in line["why"]


def test_should_count_what_ends_a_stream_on_its_way_under_its_request() -> None:
    def broken() -> Iterator[bytes]:
        yield b"event: retrieved"
        handler.log_error(Transient("a model did not answer"))
        raise ZeroDivisionError

    with lines_of(handler.SERVICE) as lines:
        with pytest.raises(ZeroDivisionError):
            list(told_under(handler.SERVICE, "request-9", broken()))
        logger(handler.SERVICE).info("the next one")
        (line,) = failures(lines())
        ids = [json.loads(each).get("correlation_id") for each in lines()]
    assert "ZeroDivisionError" in line["exception"]
    assert ids == ["request-9", "request-9", None]


@given(st.lists(st.sampled_from([HeadraceError, *KINDS]), max_size=5))
def test_should_count_a_sweep_s_errors_but_those_that_pass(
    met: list[type[HeadraceError]],
) -> None:
    lasting = [kind for kind in met if kind not in {Throttled, Transient}]
    with lines_of("sweeping") as lines:
        missed = SweepErrors(logger("sweeping"))
        for n, kind in enumerate(met):
            missed.add(kind("no"), f"execution-{n}")
        assert len(lines()) == len(met)
        assert len(failures(lines())) == len(lasting)
    if not met:
        missed.tell("places")
        return
    with pytest.raises(HeadraceError, match=f"^{len(met)} places could not") as raised:
        missed.tell("places")
    assert raised.type is (lasting or met)[0]


def test_should_count_a_fault_that_observed_work_ends_by() -> None:
    with lines_of("batching") as lines:
        for error in (denied(), InvalidInput("no"), NotFound("gone")):
            with pytest.raises(type(error)), observed("batching"):
                raise error
        (line,) = failures(lines())
        assert [json.loads(each)["message"] for each in lines()] == [
            *("failed", "ended", "refused", "ended", "refused", "ended")
        ]
    assert line["error"] == "HeadraceError"
