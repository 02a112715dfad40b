from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import pytest

from chalicelib.contracts.prompts import MAX_BODY_BYTES, PromptContent
from chalicelib.errors import Conflict, InvalidInput, NotFound, QuotaExceeded, Throttled
from chalicelib.prompts.library import PromptLibrary, canonical_json
from tests.unit.prompts.examples import content
from tests.unit.prompts.fakes import FakePrompts, FakeVerdicts, library

TENANT = "acme"


def saying(words: str) -> PromptContent:
    return content(role=words)


def saved(prompts: PromptLibrary, *roles: str, name: str = "sum-up") -> list[int]:
    return [prompts.save(TENANT, name, saying(role)).version for role in roles]


def test_should_number_versions_and_keep_what_they_say() -> None:
    prompts = library()
    assert saved(prompts, "One.", "Two.") == [1, 2]
    first = prompts.version(TENANT, "sum-up", 1)
    assert first.content == saying("One.")
    assert first.sha256 == hashlib.sha256(canonical_json(first.content).encode()).hexdigest()
    assert first.bytes == len(canonical_json(first.content).encode())
    assert prompts.version(TENANT, "sum-up", "latest").version == 2


def test_should_save_nothing_where_the_newest_says_the_same() -> None:
    prompts = library()
    first = prompts.save(TENANT, "sum-up", saying("One."))
    again = prompts.save(TENANT, "sum-up", saying("One."))
    assert (first.created, again.created) == (True, False)
    assert first.model_copy(update={"created": False}) == again
    assert saved(prompts, "Two.", "One.") == [2, 3], "the newest is what was saved last"


def test_should_tell_the_time_as_it_is_kept() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
    prompts = PromptLibrary(
        FakePrompts(),
        lambda content: None,
        lambda: moment,
        lambda attempt: None,
        FakeVerdicts(),
    )
    saved = prompts.save(TENANT, "sum-up", saying("One."))
    assert saved.created_at == moment.replace(microsecond=678_000)


def test_should_write_out_defaults_so_that_later_ones_change_no_version() -> None:
    told = json.loads(canonical_json(PromptContent.model_validate({"turns": [{"template": "x"}]})))
    assert told["parameters"]["max_tokens"] == 512
    assert told["terms"]["model"] == "auto"
    assert set(told) == set(PromptContent.model_fields)


def test_should_give_two_who_save_at_once_two_versions() -> None:
    records = FakePrompts()
    mine, others = library(records), library(records)
    waiting = ["Two.", "Three."]

    def come_first() -> None:
        if waiting:
            records.before_change, role = None, waiting.pop(0)
            saved(others, role)
            records.before_change = come_first

    saved(others, "One.")
    records.before_change = come_first
    assert saved(mine, "Four.") == [4]
    bodies = [
        prompt.content.role for n in (1, 2, 3, 4) for prompt in [mine.version(TENANT, "sum-up", n)]
    ]
    assert bodies == ["One.", "Two.", "Three.", "Four."]


def test_should_find_that_another_saved_the_same_first() -> None:
    records = FakePrompts()
    prompts = library(records)

    def come_first() -> None:
        records.before_change = None
        saved(library(records), "One.")

    records.before_change = come_first
    assert prompts.save(TENANT, "sum-up", saying("One.")).created is False
    assert records.numbers(TENANT, "sum-up") == [1]


def test_should_give_up_where_others_never_stop() -> None:
    records, n = FakePrompts(), 0
    paused: list[int] = []

    def come_first() -> None:
        nonlocal n
        n += 1
        records.before_change = None
        saved(library(records), f"Other {n}.")
        records.before_change = come_first

    records.before_change = come_first
    prompts = PromptLibrary(
        records, lambda content: None, library().now, paused.append, FakeVerdicts()
    )
    with pytest.raises(Throttled):
        saved(prompts, "Mine.")
    assert paused == list(range(50))
    assert len(records.numbers(TENANT, "sum-up")) == 50


def test_should_move_labels() -> None:
    prompts = library()
    saved(prompts, "One.", "Two.")
    assert prompts.point(TENANT, "sum-up", "production", 1).labels == {"production": 1}
    assert prompts.version(TENANT, "sum-up", "production").content == saying("One.")
    prompts.point(TENANT, "sum-up", "production", 2)
    found = prompts.version(TENANT, "sum-up", "production")
    assert (found.version, found.labels) == (2, ("latest", "production"))
    prompts.unpoint(TENANT, "sum-up", "production")
    with pytest.raises(NotFound, match="no label production; it has latest"):
        prompts.version(TENANT, "sum-up", "production")


@pytest.mark.parametrize(
    ("label", "number", "error"),
    [("latest", 1, InvalidInput), ("production", 9, NotFound)],
)
def test_should_not_point_a_label_anywhere(label: str, number: int, error: type[Exception]) -> None:
    prompts = library()
    saved(prompts, "One.")
    with pytest.raises(error):
        prompts.point(TENANT, "sum-up", label, number)


def test_should_not_point_to_a_version_that_goes_meanwhile() -> None:
    records = FakePrompts()
    prompts = library(records)
    saved(prompts, "One.", "Two.")

    def come_first() -> None:
        records.before_change = None
        library(records).remove_version(TENANT, "sum-up", 1)

    records.before_change = come_first
    with pytest.raises(NotFound):
        prompts.point(TENANT, "sum-up", "production", 1)
    assert prompts.head(TENANT, "sum-up").labels == {}


def test_should_remove_a_version_that_no_label_points_to() -> None:
    prompts = library()
    saved(prompts, "One.", "Two.", "Three.")
    prompts.point(TENANT, "sum-up", "production", 2)
    with pytest.raises(Conflict, match="what production points to"):
        prompts.remove_version(TENANT, "sum-up", 2)
    prompts.remove_version(TENANT, "sum-up", 3)
    head = prompts.head(TENANT, "sum-up")
    assert (head.latest, head.versions, head.numbered) == (2, 2, 3)
    with pytest.raises(NotFound):
        prompts.remove_version(TENANT, "sum-up", 3)
    assert prompts.save(TENANT, "sum-up", saying("Two.")).version == 2
    assert saved(prompts, "Four.") == [4], "a number is given once"


def test_should_not_remove_a_version_that_gets_a_label_meanwhile() -> None:
    records = FakePrompts()
    prompts = library(records)
    saved(prompts, "One.", "Two.")

    def come_first() -> None:
        records.before_change = None
        library(records).point(TENANT, "sum-up", "production", 1)

    records.before_change = come_first
    with pytest.raises(Conflict):
        prompts.remove_version(TENANT, "sum-up", 1)
    assert prompts.version(TENANT, "sum-up", "production").version == 1


def test_should_remove_a_prompt_whole_and_never_give_its_numbers_again() -> None:
    records = FakePrompts()
    prompts = library(records)
    saved(prompts, "One.", "Two.")
    prompts.point(TENANT, "sum-up", "production", 1)
    with pytest.raises(Conflict, match="has labels \\(production\\)"):
        prompts.remove(TENANT, "sum-up")
    prompts.unpoint(TENANT, "sum-up", "production")
    prompts.remove(TENANT, "sum-up")
    assert records.bodies == {}
    for look in (prompts.head, prompts.remove):
        with pytest.raises(NotFound):
            look(TENANT, "sum-up")
    assert saved(prompts, "Two.") == [3]


def test_should_refuse_what_is_too_large_or_cannot_be_kept() -> None:
    turns = [{"name": f"t{n}", "template": "x" * 64_000} for n in range(5)]
    with pytest.raises(InvalidInput) as caught:
        library().save(TENANT, "large", content(turns=turns))
    assert (caught.value.field, caught.value.limit) == ("body", str(MAX_BODY_BYTES))

    def check(content: PromptContent) -> None:
        raise InvalidInput("No.", field="role")

    records = FakePrompts()
    with pytest.raises(InvalidInput):
        library(records, check).save(TENANT, "sum-up", saying("One."))
    assert records.kept == {}


def test_should_hold_a_prompt_to_500_versions() -> None:
    records = FakePrompts()
    prompts = library(records)
    assert saved(prompts, *(f"Role {n}." for n in range(500)))[-1] == 500
    with pytest.raises(QuotaExceeded) as caught:
        saved(prompts, "One more.")
    assert caught.value.limit == "500"
    assert prompts.save(TENANT, "sum-up", saying("Role 499.")).created is False
    prompts.remove_version(TENANT, "sum-up", 7)
    assert saved(prompts, "One more.") == [501]


def test_should_hold_a_tenant_to_1000_prompts() -> None:
    prompts = library()
    for n in range(1_000):
        saved(prompts, "Role.", name=f"prompt-{n}")
    with pytest.raises(QuotaExceeded) as caught:
        saved(prompts, "Role.", name="one-more")
    assert caught.value.limit == "1000"
    assert saved(prompts, "Another.", name="prompt-7") == [2]
    prompts.remove(TENANT, "prompt-7")
    assert saved(prompts, "Role.", name="one-more") == [1]
    with pytest.raises(QuotaExceeded):
        saved(prompts, "Back.", name="prompt-7")


def test_should_hold_a_prompt_to_twenty_labels() -> None:
    prompts = library()
    saved(prompts, "One.")
    for n in range(20):
        prompts.point(TENANT, "sum-up", f"label-{n}", 1)
    prompts.point(TENANT, "sum-up", "label-3", 1)
    with pytest.raises(QuotaExceeded):
        prompts.point(TENANT, "sum-up", "one-more", 1)


def test_should_keep_tenants_apart() -> None:
    prompts = library()
    saved(prompts, "One.")
    with pytest.raises(NotFound):
        prompts.version("rival", "sum-up", 1)
    assert prompts.save("rival", "sum-up", saying("Mine.")).version == 1
