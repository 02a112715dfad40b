"""The queue of a task: reviewers take items from it and give labels to it.

Every change is a write on condition that item and reviewer are as they were read. Who comes second
reads again, and finds another item, or that the claim's place is gone.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from chalicelib.contracts.label_results import AdjudicatedItem
from chalicelib.contracts.labelling import (
    CLAIM_PATTERN,
    AdjudicateItemRequest,
    AnswerItem,
    ClaimEnded,
    ExtractionItem,
    ImageItem,
    ItemContent,
    LabellingClaim,
    LabellingItem,
    LabellingTask,
    NextClaim,
    PairItem,
    SkipItemRequest,
    SubmitLabelRequest,
)
from chalicelib.errors import Conflict, InvalidInput, NotFound, Throttled
from chalicelib.labelling.claims import (
    can_claim,
    choices_shown,
    claim,
    existing_claim,
    is_gold_turn,
    skip,
    submit,
)
from chalicelib.labelling.records import (
    Adjudication,
    Assignment,
    ItemState,
    LabelRecords,
    LabelText,
    ReviewerState,
    StateChange,
    StatePart,
)

ATTEMPTS = 12
"""How often a change is tried while others change the same item."""
STATES_A_READ = 25
_CORRECTABLE = ("answer", "extraction")


def claim_id_of(item_id: str, ulid: str) -> str:
    """Return the id of a claim, which names its item."""
    return f"clm_{item_id.removeprefix('itm_')}_{ulid}"


def item_of_claim(claim_id: str) -> str:
    """Return the id of the item of a claim. Raises `NotFound`."""
    if not re.fullmatch(CLAIM_PATTERN, claim_id):
        raise NotFound("The task has no such claim.", field="claim_id")
    return f"itm_{claim_id.split('_')[1]}"


def item_id_of(task_id: str, given_id: str) -> str:
    """Return the id of an item: a hash, so that neighbours in the table are items by chance."""
    return "itm_" + hashlib.sha256(f"{task_id}/{given_id}".encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class LabellingQueue:
    """Claims, labels, skips and adjudications of items of all tenants.

    `pause` waits a little before attempt n at a change that others came before.
    """

    records: LabelRecords
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    pause: Callable[[int], None]

    def next_claim(self, tenant: str, task_id: str, reviewer: str) -> NextClaim:
        """Give the reviewer an item: the one that is claimed already, or else a new one.

        Raises:
            NotFound: there is no such task.
            Conflict: the task is closed.
            Throttled: others kept taking the items that were found, for as long as we tried.
        """
        task = existing_task(self.records, tenant, task_id)
        if task.status != "open":
            raise Conflict(
                f"The task is {task.status}; nothing can be claimed. Open it again by its status.",
                field="task_id",
            )
        for attempt in range(ATTEMPTS):
            self.pause(attempt)
            who = self.records.reviewer(tenant, task_id, reviewer)
            held = self._held(tenant, task, who)
            if held is not None:
                return NextClaim(claim=self._shown(tenant, task, *held))
            state = self._candidate(tenant, task, who)
            if state is None:
                return NextClaim(claim=None)
            claim_id = claim_id_of(state.item_id, self.new_id())
            after = claim(state, task, reviewer, claim_id, self.now())
            update = {
                "claims": who.claims + 1,
                "item_id": state.item_id,
                "claim_id": claim_id,
                "revision": who.revision + 1,
            }
            change = StateChange(state, after, (who, who.model_copy(update=update)))
            if self.records.change(tenant, task, change):
                return NextClaim(claim=self._shown(tenant, task, after, after.assignments[-1]))
        raise _busy()

    def submit(
        self, tenant: str, task_id: str, claim_id: str, reviewer: str, given: SubmitLabelRequest
    ) -> ClaimEnded:
        """Give the label of a claim; the same label again changes nothing.

        Raises:
            InvalidInput: the task has no such label, or takes no correction of this form.
            NotFound: there is no such task or item.
            Conflict: the claim's place was given to another, or it has ended otherwise.
        """
        task = existing_task(self.records, tenant, task_id)
        check_correction(task, given.correction)
        text = LabelText(given.correction or "", given.comment or "")

        def ended(state: ItemState, mine: Assignment) -> ItemState:
            return submit(state, task, mine, given.label, self.now())

        return self._ended(tenant, task, (claim_id, reviewer), ended, text)

    def skip(
        self, tenant: str, task_id: str, claim_id: str, reviewer: str, given: SkipItemRequest
    ) -> ClaimEnded:
        """End a claim without a label. Raises as `submit` does."""
        task = existing_task(self.records, tenant, task_id)

        def ended(state: ItemState, mine: Assignment) -> ItemState:
            return skip(state, task, mine, given.reason, self.now())

        return self._ended(tenant, task, (claim_id, reviewer), ended, LabelText())

    def adjudicate(
        self, tenant: str, task_id: str, item_id: str, reviewer: str, given: AdjudicateItemRequest
    ) -> AdjudicatedItem:
        """Decide on the label of an item that is done; a later decision takes its place.

        Raises:
            InvalidInput: the task has no such label, or takes no correction of this form.
            NotFound: there is no such task or item.
            Conflict: reviewers still label the item, or it is a gold item.
        """
        task = existing_task(self.records, tenant, task_id)
        check_correction(task, given.correction)
        if given.label not in task.choices:
            listed = ", ".join(task.choices)
            raise InvalidInput(
                f"There is no label {given.label!r}; the labels are {listed}.",
                field="label",
                limit=listed,
            )
        for attempt in range(ATTEMPTS):
            self.pause(attempt)
            state = self._state(tenant, task_id, item_id)
            if not state.done:
                raise Conflict(
                    "The item is a gold item; its label is known."
                    if state.gold
                    else f"The item is not done: {task.reviews} reviewers label it first.",
                    field="item_id",
                )
            decided = Adjudication(
                label=given.label,
                reviewer=reviewer,
                at=self.now(),
                correction=given.correction or "",
                comment=given.comment or "",
            )
            update = {"adjudication": decided, "revision": state.revision + 1}
            change = StateChange(state, state.model_copy(update=update))
            if self.records.change(tenant, task, change):
                return AdjudicatedItem(
                    item_id=item_id, label=given.label, reviewer=reviewer, at=decided.at
                )
        raise _busy()

    def _state(self, tenant: str, task_id: str, item_id: str) -> ItemState:
        state = self.records.state(tenant, task_id, item_id)
        if state is None:
            raise NotFound(f"The task has no item {item_id}.", field="item_id")
        return state

    def _held(
        self, tenant: str, task: LabellingTask, who: ReviewerState
    ) -> tuple[ItemState, Assignment] | None:
        """Return the claim that the reviewer has and that has not expired."""
        state = self.records.state(tenant, task.task_id, who.item_id) if who.item_id else None
        for each in state.assignments if state is not None else ():
            if each.claim_id == who.claim_id and each.status == "claimed":
                return (state, each) if state and self.now() < each.expires_at else None
        return None

    def _candidate(self, tenant: str, task: LabellingTask, who: ReviewerState) -> ItemState | None:
        """Return an item for the reviewer: a gold one at its turn, otherwise an open one.

        Gold items alone are not offered: who is measured also works.
        """
        now = self.now()

        def first(states: Iterator[ItemState]) -> ItemState | None:
            return next((each for each in states if can_claim(each, task, who.reviewer, now)), None)

        found = first(self._ring(tenant, task.task_id, who, "OPEN"))
        if found is None or not task.gold_items:
            return found
        if not is_gold_turn(task.task_id, who.reviewer, who.claims, task.gold_share):
            return found
        return first(self._ring(tenant, task.task_id, who, "GOLD")) or found

    def _ring(
        self, tenant: str, task_id: str, who: ReviewerState, part: StatePart
    ) -> Iterator[ItemState]:
        """Yield states from behind the reviewer's last item on, and then those before it.

        A reviewer's first is found by a hash, so that reviewers do not meet at the same items.
        """
        start = who.item_id or item_id_of(task_id, who.reviewer)
        for state in self.records.states(tenant, task_id, part, start, STATES_A_READ):
            yield state
        for state in self.records.states(tenant, task_id, part, "", STATES_A_READ):
            if state.item_id > start:
                return
            yield state

    def _ended(
        self,
        tenant: str,
        task: LabellingTask,
        whose: tuple[str, str],
        end: Callable[[ItemState, Assignment], ItemState],
        text: LabelText,
    ) -> ClaimEnded:
        claim_id, reviewer = whose
        item_id = item_of_claim(claim_id)
        for attempt in range(ATTEMPTS):
            self.pause(attempt)
            state = self._state(tenant, task.task_id, item_id)
            after = end(state, existing_claim(state, claim_id, reviewer))
            texts = {}
            if text != LabelText() and after is not state:
                after, texts = _with_text(after, claim_id), {claim_id: text}
            if after is state or self.records.change(
                tenant, task, StateChange(state, after, texts=texts)
            ):
                mine = existing_claim(after, claim_id, reviewer)
                return ClaimEnded(item_id=item_id, late=mine.late, done=after.done)
        raise _busy()

    def _shown(
        self, tenant: str, task: LabellingTask, state: ItemState, given: Assignment
    ) -> LabellingClaim:
        items = self.records.items(tenant, task.task_id, [state.item_id])
        if state.item_id not in items:
            raise NotFound(f"The task has no item {state.item_id}.", field="item_id")
        return LabellingClaim(
            claim_id=given.claim_id,
            item_id=state.item_id,
            expires_at=given.expires_at,
            kind=task.kind,
            guidelines=task.guidelines,
            labels=choices_shown(task),
            content=item_content(items[state.item_id], swapped=given.swapped),
        )


def existing_task(records: LabelRecords, tenant: str, task_id: str) -> LabellingTask:
    """Return a task; raise `NotFound`."""
    found = records.task(tenant, task_id)
    if found is None:
        raise NotFound(
            f"There is no task {task_id}; headrace labelling ls lists them.", field="task_id"
        )
    return found


def item_content(item: LabellingItem, *, swapped: bool) -> ItemContent:
    """Return what a reviewer sees of an item; of a pair, side b first where `swapped`."""
    match item:
        case AnswerItem():
            return ItemContent(prompt=item.prompt, answer=item.answer)
        case PairItem():
            first, second = (item.b, item.a) if swapped else (item.a, item.b)
            return ItemContent(prompt=item.prompt, first=first, second=second)
        case ExtractionItem():
            return ItemContent(text=item.text, values=item.values, document_id=item.document_id)
        case ImageItem():
            return ItemContent(document_id=item.document_id, page=item.page, question=item.question)


def check_correction(task: LabellingTask, correction: str | None) -> None:
    """Raise `InvalidInput` unless the task takes this correction."""
    if correction is None:
        return
    if task.kind not in _CORRECTABLE:
        raise InvalidInput(
            f"Items of the kind {task.kind} have labels only, and no correction.",
            field="correction",
        )
    if task.kind == "extraction" and not is_json_object(correction):
        raise InvalidInput(
            "The correction of extracted values is a JSON object, written as a text.",
            field="correction",
        )


def is_json_object(text: str) -> bool:
    """Return whether a text is a JSON object."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _with_text(state: ItemState, claim_id: str) -> ItemState:
    marked = tuple(
        each.model_copy(update={"has_text": True}) if each.claim_id == claim_id else each
        for each in state.assignments
    )
    return state.model_copy(update={"assignments": marked})


def _busy() -> Throttled:
    return Throttled("Others keep changing the same items; try again.")
