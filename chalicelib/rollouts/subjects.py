"""The subjects of rollouts: which version is live, which may follow, and how it is promoted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.rollouts import LiveChoice
from chalicelib.errors import Conflict, InvalidInput, NotFound
from chalicelib.prompts.label_gate import label_refusal
from chalicelib.prompts.variables import is_demanded

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.contracts.prompts import PromptVersion
    from chalicelib.contracts.rollouts import RolloutView, Subject, SubjectKind
    from chalicelib.prompts.library import PromptLibrary
    from chalicelib.rollouts.records import PromotedVersion, RolloutState


STAGE_SETTING = "default"
"""The name of the retrieval setting that a stage has by itself."""


class ChoiceRecords(Protocol):
    """What models and retrievals were promoted to."""

    def choice(self, tenant: str, subject: Subject) -> LiveChoice | None:
        """Return what a model or a retrieval was promoted to, or None."""


class SubjectVersions(Protocol):
    """The versions of one kind of subject."""

    def live(self, tenant: str, subject: Subject) -> str:
        """Return the version that answers now; raise `NotFound` if the subject has none."""

    def check(self, tenant: str, subject: Subject, version: str) -> None:
        """Demand that a version may go live.

        Raises:
            InvalidInput: the version is not written as one of this kind.
            NotFound: there is no such version.
            Conflict: the version was rejected.
        """

    def promoted(self, tenant: str, rollout: RolloutView, now: datetime) -> PromotedVersion:
        """Return what makes the candidate of a rollout the live version once it is written.

        Raises:
            NotFound: there is no such version any more.
            Conflict: the version was rejected meanwhile.
        """


@dataclass(frozen=True, slots=True)
class PromptLabels:
    """Versions of prompts: a label of the prompt points to the one that is live."""

    library: PromptLibrary

    def live(self, tenant: str, subject: Subject) -> str:
        """Return the version that the label points to; raise `NotFound`."""
        head = self.library.head(tenant, subject.name)
        if subject.label not in head.labels:
            raise NotFound(
                f"{subject.name} has no label {subject.label}; point it to a version first: "
                f"headrace prompts label {subject.name} {subject.label} VERSION.",
                field="subject.label",
            )
        return str(head.labels[subject.label])

    def check(self, tenant: str, subject: Subject, version: str) -> None:
        """Demand that the version exists, that it takes what callers of the live one pass, and
        that the prompt's suite has not rejected it.
        """
        number = _number(version)
        wanted = self.library.version(tenant, subject.name, number)
        live = self.library.version(tenant, subject.name, int(self.live(tenant, subject)))
        _check_variables(live, wanted)
        head = self.library.head(tenant, subject.name)
        refusal = label_refusal(self.library.verdicts, tenant, head, subject.label, number)
        if refusal is not None:
            raise Conflict(
                f"{refusal.message.split(' With a reason,')[0]} It cannot be rolled out.",
                field="to",
            )

    def promoted(self, tenant: str, rollout: RolloutView, now: datetime) -> PromotedVersion:
        """Return the move of the label to the version, if the prompt's suite lets it."""
        subject = rollout.subject
        return self.library.move(tenant, subject.name, subject.label, _number(rollout.to))


@dataclass(frozen=True, slots=True)
class ModelChoices:
    """The models that answer calls of a name: the model of that name, until another is promoted.

    `resolve` returns the name in the catalogue of a model by any of its names, and its variant;
    "" if the tenant has no such model.
    """

    choices: ChoiceRecords
    resolve: Callable[[str, str], str]

    def live(self, tenant: str, subject: Subject) -> str:
        """Return the model that answers calls of the name; raise `NotFound`."""
        choice = self.choices.choice(tenant, subject)
        if choice is not None:
            return choice.version
        self._demand(tenant, subject.name, "subject.name")
        return subject.name

    def check(self, tenant: str, subject: Subject, version: str) -> None:
        """Demand that the catalogue has the model, and that it is another than the live one."""
        wanted = self._demand(tenant, version, "to")
        if wanted == self.resolve(tenant, self.live(tenant, subject)):
            raise InvalidInput(
                f"{version} is the model {wanted}, which is live already; name another.", field="to"
            )

    def promoted(self, tenant: str, rollout: RolloutView, now: datetime) -> PromotedVersion:
        """Return the choice of the model, which has to be there still."""
        self._demand(tenant, rollout.to, "to")
        return _choice(rollout, now)

    def _demand(self, tenant: str, model: str, field: str) -> str:
        """Return the name of a model in the catalogue; raise `NotFound`."""
        name = self.resolve(tenant, model)
        if not name:
            raise NotFound(
                f"There is no model {model}; GET /v1/models lists those that there are.",
                field=field,
            )
        return name


@dataclass(frozen=True, slots=True)
class RetrievalChoices:
    """The retrieval settings of collections: that of the stage, until another is promoted.

    `parse` reads the name of a setting; it raises `InvalidInput` if it is none.
    """

    choices: ChoiceRecords
    parse: Callable[[str], object]

    def live(self, tenant: str, subject: Subject) -> str:
        """Return the setting of the collection."""
        choice = self.choices.choice(tenant, subject)
        return STAGE_SETTING if choice is None else choice.version

    def check(self, tenant: str, subject: Subject, version: str) -> None:
        """Demand that the setting is written as one."""
        self.parse(version)

    def promoted(self, tenant: str, rollout: RolloutView, now: datetime) -> PromotedVersion:
        """Return the choice of the setting."""
        return _choice(rollout, now)


def _choice(rollout: RolloutView, now: datetime) -> LiveChoice:
    return LiveChoice(
        subject=rollout.subject, version=rollout.to, rollout_id=rollout.rollout_id, since=now
    )


def check_subject(
    kinds: Mapping[SubjectKind, SubjectVersions],
    tenant: str,
    subject: Subject,
    to: str,
    live: str | None,
) -> str:
    """Return the live version of a subject whose version `to` is about to be rolled out.

    Args:
        kinds: The versions of each kind of subject.
        tenant: Whose subject it is.
        subject: The subject.
        to: The version that is to go live.
        live: The version that is said to be live, or None.

    Raises:
        InvalidInput: `to` is live already, or is not written as a version.
        NotFound: there is no such subject or version.
        Conflict: another version than `live` is live, or `to` was rejected.
    """
    versions = kinds[subject.kind]
    now = versions.live(tenant, subject)
    if live is not None and live != now:
        raise Conflict(
            f"Version {now} of {subject.name} is live, not {live}; look at it again.", field="live"
        )
    if to == now:
        raise InvalidInput(
            f"Version {to} of {subject.name} is live already; name another.", field="to"
        )
    try:
        versions.check(tenant, subject, to)
    except NotFound as error:
        raise NotFound(error.message, field="to") from error
    return now


def moved_by_hand(
    kinds: Mapping[SubjectKind, SubjectVersions], tenant: str, subject: Subject, live: str
) -> str:
    """Return why a rollout cannot go on because its subject was changed meanwhile, or ""."""
    try:
        now = kinds[subject.kind].live(tenant, subject)
    except NotFound as error:
        return error.message
    if now == live:
        return ""
    return f"Version {now} of {subject.name} was made live by hand; it was {live}."


def is_promoted(kinds: Mapping[SubjectKind, SubjectVersions], state: RolloutState) -> bool:
    """Tell whether a person has made the candidate live, by hand, in its rollout's last stage."""
    rollout = state.rollout
    if rollout.stage < len(rollout.stages) - 1:
        return False
    try:
        return kinds[rollout.subject.kind].live(state.tenant, rollout.subject) == rollout.to
    except NotFound:
        return False


def _check_variables(live: PromptVersion, to: PromptVersion) -> None:
    """Raise `Conflict` if every call that the live version takes is one that `to` refuses."""
    ours, theirs = live.content.variables, to.content.variables
    new = sorted(name for name in theirs.keys() - ours.keys() if is_demanded(theirs[name]))
    gone = sorted(name for name in ours.keys() - theirs.keys() if is_demanded(ours[name]))
    if not new and not gone:
        return
    demands = f"demands {', '.join(new)}, which callers of version {live.version} do not pass"
    lacks = f"lacks {', '.join(gone)}, which callers of version {live.version} have to pass"
    wrong = " and ".join([demands] * bool(new) + [lacks] * bool(gone))
    raise Conflict(
        f"Version {to.version} {wrong}: all its calls would fail. Save a version with `required: "
        "false` for what not all callers pass, or move the label together with the callers.",
        field="to",
    )


def _number(version: str) -> int:
    if not version.isascii() or not version.isdigit() or not int(version):
        raise InvalidInput(
            f"A version of a prompt is a number from 1, not {version!r}.", field="to"
        )
    return int(version)
