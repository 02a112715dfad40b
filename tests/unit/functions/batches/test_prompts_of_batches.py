"""Lines that name a prompt: rendered once, by versions that are pinned, each failing alone."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.batches import input_reader, prompt_items, storage
from chalicelib.batches.items import item_lines, parse_item
from chalicelib.contracts.batches import BatchSummary, PinnedPrompt
from chalicelib.contracts.generations import ChatCall, Generation, ImageCall, Terms, TextPart
from chalicelib.errors import InvalidInput, Transient
from tests.unit.batches.examples import generation, own
from tests.unit.functions.batches.test_batches import checked, ids
from tests.unit.functions.batches.world import PREFIX, Killed, World
from tests.unit.prompts.examples import FENCE, VALUES, content


def line(id_: str, name: str = "sum-up", version: Any = None, **fields: Any) -> bytes:
    named = {"name": name, "variables": fields.pop("variables", VALUES)}
    if version is not None:
        named["version"] = version
    return own(id_, prompt=named, **fields)


def world(**changes: Any) -> World:
    made = World()
    made.library.save("acme", "sum-up", content(**changes))
    return made


def calls(of: World) -> dict[str, tuple[Any, Terms]]:
    """Return the calls and terms of all items, by their ids."""
    found = {}
    refs = of.items(PREFIX + storage.ITEMS)
    order = of.state.input.order
    assert order is not None
    for ref, body in item_lines(refs, of.objects, "docs", PREFIX):
        item = parse_item(ref, body, order)
        found[item.id] = (item.call, item.terms)
    return found


def test_a_line_should_be_answered_by_what_its_prompt_renders_to() -> None:
    here = world(parameters={"max_tokens": 7, "temperature": 0.5})
    here.begin([line("a"), own("b", prompt="Hello."), line("c", variables=VALUES | {"words": 10})])
    assert here.run().status == "succeeded"
    assert ids(here, storage.RESULTS) == ["a", "b", "c"]
    call, _ = calls(here)["a"]
    assert isinstance(call, ChatCall)
    assert call.system.startswith("You write for farmers.")
    assert (call.max_tokens, call.temperature) == (7, 0.5)
    part = call.messages[0].content[0]
    assert isinstance(part, TextPart)
    assert part.text == (
        f"Sum up in 50 words:\n{FENCE} report\nThe weir was closed in May.\n{FENCE} end"
    )
    assert sorted(text.split(" words")[0] for text in here.answerer.asked) == [
        "Hello.",
        "Sum up in 10",
        "Sum up in 50",
    ]
    used = [each.get("prompt") for each in here.lines(storage.RESULTS)]
    assert used == [{"name": "sum-up", "version": 1}, None, {"name": "sum-up", "version": 1}]
    checked(here)


def test_a_version_should_be_pinned_when_the_batch_begins_and_be_told_with_it() -> None:
    here = world()
    here.library.point("acme", "sum-up", "production", 1)
    here.begin([line("a"), line("b", version="production"), line("c", version=1)], confirm=True)
    assert here.run().status == "paused"
    here.library.save("acme", "sum-up", content(role="You shout."))
    here.library.point("acme", "sum-up", "production", 2)
    here.launcher.resume(here.state)
    assert here.run().status == "succeeded"
    assert {call.system.split("\n")[0] for call, _ in calls(here).values()} == {
        "You write for farmers."
    }
    wanted = ("latest", "production", "1")
    pinned = tuple(PinnedPrompt(name="sum-up", version=1, wanted=each) for each in wanted)
    assert here.place.prompts == pinned
    summary = BatchSummary.model_validate_json(here.objects.bodies[PREFIX + storage.SUMMARY])
    assert summary.prompts == pinned


def test_a_retry_should_be_by_the_version_that_was_pinned() -> None:
    here = world()
    here.answerer.fails = lambda prompt, nth: InvalidInput("no") if nth == 1 else None
    here.begin([line("a")])
    assert here.run().status == "partial"
    (failed,) = here.lines(storage.ERRORS)
    assert failed["prompt"] == {"name": "sum-up", "version": 1}
    here.library.save("acme", "sum-up", content(turns=[{"template": "Shout: {{ report }}"}]))
    here.launcher.retry(here.state)
    assert here.run().status == "succeeded"
    assert here.lines(storage.RESULTS)[0]["prompt"]["version"] == 1
    assert {text.split(" words")[0] for text in here.answerer.asked} == {"Sum up in 50"}


@pytest.mark.parametrize(
    ("bad", "field", "said"),
    [
        (line("x", variables=VALUES | {"words": 5}), "prompt.variables.words", "from 10 to 200"),
        (line("x", variables=VALUES | {"word": 5}), "prompt.variables.word", "no variable 'word'"),
        (line("x", variables={"audience": "farmers"}), "prompt.variables.report", "report"),
        (line("x", "sum-down"), "prompt", "no prompt sum-down"),
        (line("x", version=9), "version", "no version 9"),
        (line("x", version="staging"), "version", "has no label staging"),
        (line("x", version=0), "prompt.version", ""),
        (line("x", "Sum up"), "prompt.name", "pattern"),
        (line("x", max_tokens=4), "max_tokens", "Unknown field"),
        (own("x", prompt={"variables": {}}), "prompt.name", "required"),
        (line("x", "twice"), "prompt", "2 turns"),
        (line("x", "judged"), "prompt", "verifier"),
        (line("x", "empty", variables={}), "turns.0.template", "empty, version 1"),
        (line("x", "broken", variables={}), "turns.0.template", "broken, version 1"),
        (line("a"), "id", "given before"),
    ],
)
def test_a_line_that_cannot_be_rendered_should_fail_alone_with_its_reason(
    bad: bytes, field: str, said: str
) -> None:
    here = world()
    turn = {"template": "{{ report }}"}
    second = {"name": "second", "template": "{{ report }}"}
    here.library.save("acme", "twice", content(role="", turns=[turn | {"name": "first"}, second]))
    here.library.save("acme", "judged", content(role="", verifier=turn))
    for name, template in (("empty", "{% if false %}x{% endif %}"), ("broken", "{{ 1 // 0 }}")):
        turns = [{"template": template}]
        here.library.save("acme", name, content(role="", variables={}, turns=turns))
    here.begin([line("a"), bad, line("c")])
    assert here.run().status == "partial"
    assert ids(here, storage.RESULTS) == ["a", "c"]
    (failed,) = here.lines(storage.ERRORS)
    assert failed["line"] == 2
    assert failed["error"].get("field") == field
    assert said in failed["error"]["message"]
    checked(here)


def test_another_tenant_s_prompt_should_not_be_found() -> None:
    here = World()
    here.library.save("other", "sum-up", content())
    here.begin([line("a")])
    assert here.run().status == "partial"
    assert here.lines(storage.ERRORS)[0]["error"]["type"] == "NotFound"


def test_who_may_answer_should_be_as_line_prompt_and_batch_say_together() -> None:
    terms = {"quality": 2, "checks": ["lacks:sorry"], "budget": "0.01", "fallback": False}
    here = world(terms=terms)
    own_model = content(terms={"model": "nova-lite"})
    here.library.save("acme", "lite", own_model)
    here.begin(
        [
            line("a"),
            line("b", model="nova-pro", quality=1, budget="0.5", checks=["contains:x"]),
            line("c", "lite"),
            line("d", fallback=True),
        ],
        quality=3,
        checks=("length:1..9",),
        service_tier="flex",
    )
    here.run()
    found = {id_: of for id_, (_, of) in calls(here).items()}
    assert found["a"].model == "nova-micro"
    assert (found["a"].quality, found["b"].quality) == (3, 1)
    assert found["a"].checks == ("lacks:sorry", "length:1..9")
    assert found["b"].checks == ("lacks:sorry", "length:1..9", "contains:x")
    assert (str(found["a"].budget), str(found["b"].budget)) == ("0.01", "0.5")
    assert (found["b"].model, found["c"].model) == ("nova-pro", "nova-lite")
    assert (found["a"].fallback, found["c"].fallback, found["d"].fallback) == (False, True, True)
    assert {of.service_tier for of in found.values()} == {"flex"}


def test_thoughts_should_be_cut_off_and_the_answer_behind_them_be_held_to_its_schema() -> None:
    schema = {"type": "object", "required": ["road"]}
    turns = [{"template": "{{ report }}", "reasoning": True}]
    here = world(turns=turns, output_schema=schema)
    answers = {
        "May": '<reasoning>Hm.</reasoning>\n{"road": "B 27"}',
        "June": "<reasoning>Hm.</reasoning>\n{}",
        "July": "<reasoning>Hm.",
    }

    def answered(prompt: str) -> Generation:
        return generation(next(text for month, text in answers.items() if month in prompt))

    here.answerer.answers = answered
    here.begin([line(month, variables=VALUES | {"report": month}) for month in answers])
    assert here.run().status == "partial"
    (done,) = here.lines(storage.RESULTS)
    assert (done["id"], done["generation"]["output"]["text"]) == ("May", '{"road": "B 27"}')
    failed = {each["id"]: each for each in here.lines(storage.ERRORS)}
    assert "schema" in failed["June"]["error"]["message"]
    assert "no end" in failed["July"]["error"]["message"]
    assert {each["receipt"]["dollars"] for each in failed.values()} == {"0.000001000"}
    checked(here)


def test_half_a_surrogate_pair_in_an_answer_should_be_kept_as_the_model_wrote_it() -> None:
    schema = {"type": "object", "required": ["road"]}
    turns = [{"template": "{{ report }}", "reasoning": True}]
    here = world(turns=turns, output_schema=schema)
    written = '{"road": "\\ud83d"}'
    here.answerer.answers = lambda prompt: generation(f"<reasoning>Hm.</reasoning> {written}")
    here.begin([line("May")])
    assert here.run().status == "succeeded"
    (done,) = here.lines(storage.RESULTS)
    assert done["generation"]["output"]["text"] == written
    checked(here)


def test_a_prompt_that_draws_should_become_a_call_for_pictures() -> None:
    here = world(
        variables={},
        role="",
        turns=[{"template": "A weir"}],
        image={"count": 2, "width": 512, "height": 512},
        negative_prompt="people",
    )
    here.begin([line("a", variables={}, model="nova-canvas")], confirm=True)
    here.run()
    call, terms = calls(here)["a"]
    assert call == ImageCall(
        prompt="A weir", negative_prompt="people", count=2, width=512, height=512
    )
    assert terms.checks == ()


def test_each_prompt_should_be_looked_up_once() -> None:
    here = world()
    found = here.library.version
    looked: list[tuple[str, str | int]] = []

    class Counting:
        def version(self, tenant: str, name: str, wanted: str | int) -> Any:
            looked.append((name, wanted))
            return found(tenant, name, wanted)

    here.library = Counting()  # type: ignore[assignment]
    here.begin([line("a"), line("b"), line("c", "none"), line("d", "none")])
    here.run()
    assert looked == [("sum-up", "latest"), ("none", "latest")]
    assert ids(here, storage.ERRORS) == ["c", "d"]


def test_no_more_prompts_should_be_looked_up_than_a_batch_may_name() -> None:
    here = world()
    here.begin([line(f"i{n}", f"p{n}") for n in range(prompt_items.MAX_PROMPTS)] + [line("last")])
    here.run()
    last = here.lines(storage.ERRORS)[-1]["error"]
    assert (last["field"], last["limit"]) == ("prompt", str(prompt_items.MAX_PROMPTS))


@pytest.mark.parametrize(
    ("module", "name", "most", "said"),
    [
        (input_reader, "MAX_INPUT_BYTES", 1_000, "render to more than 1000 bytes"),
        (prompt_items, "MAX_SECONDS", 0.02, "takes more than 0.02 s"),
    ],
)
def test_what_all_lines_render_to_should_be_bounded(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, most: float, said: str
) -> None:
    monkeypatch.setattr(module, name, most)
    here = world()
    here.begin([line(f"i{n}") for n in range(10)])
    with pytest.raises(InvalidInput, match=said):
        here.run()
    assert here.answerer.asked == []


def test_what_one_line_renders_to_should_be_no_longer_than_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(input_reader, "MAX_LINE_BYTES", 1_100)
    here = world()
    here.begin([line("a", variables=VALUES | {"report": "x" * 900}), line("b")])
    assert here.run().status == "partial"
    (failed,) = here.lines(storage.ERRORS)
    assert (failed["id"], failed["error"]["limit"]) == ("a", "1100")


def test_a_table_that_does_not_answer_should_fail_the_step_and_no_line() -> None:
    here = world()

    class Away:
        def version(self, tenant: str, name: str, wanted: str | int) -> Any:
            raise Transient("The table is away.")

    there, here.library = here.library, Away()  # type: ignore[assignment]
    here.begin([line("a")])
    with pytest.raises(Transient):
        here.run()
    here.library = there
    assert here.run().status == "succeeded"


@pytest.mark.parametrize("dies_at", range(1, 12))
def test_a_kill_should_leave_lines_rendered_by_one_version_each(dies_at: int) -> None:
    here = world()
    here.objects.dies_at, here.objects.dies_of = dies_at, Killed
    here.begin([line("a"), line("b"), own("c")])
    try:
        here.run()
    except Killed:
        here.run()
    assert ids(here, storage.RESULTS) == ["a", "b", "c"]
    assert len(here.answerer.asked) <= 3 + 1
    checked(here)
