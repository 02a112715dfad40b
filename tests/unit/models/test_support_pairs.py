from __future__ import annotations

from chalicelib.contracts.ingest import Page
from models.real_files.questions import Package, RealFile
from models.support_pairs import LabelledClaim, claims_of_files

PUMP = "Pump manual. The pump is cooled by water, which flows through a pipe of copper."
GATE = "Gate manual. Water flows through the pipe of the gate into the lower basin here."


def made() -> list[LabelledClaim]:
    package = Package("pypi", "station", "1", "station-1.tar.gz")
    files = [
        RealFile(name, "manual", package, name, name, "MIT", ())
        for name in ("pump.txt", "gate.txt")
    ]
    texts = {"pump.txt": PUMP, "gate.txt": GATE}
    pages = {name: (Page(page=1, text=text),) for name, text in texts.items()}
    return list(claims_of_files(files, pages))


def test_a_sentence_should_be_claimed_of_its_own_text_and_of_other_text() -> None:
    claim = "The pump is cooled by water, which flows through a pipe of copper."
    about = [each for each in made() if each.claim == claim]
    assert [(each.passage, each.supported) for each in about] == [(PUMP, True), (GATE, False)]
    assert {each.group for each in about} == {"station"}


def test_a_clause_should_be_supported_and_a_denial_should_not() -> None:
    told = {each.claim: each.supported for each in made()}
    assert told["The pump is cooled by water."]
    assert not told["The pump is not cooled by water, which flows through a pipe of copper."]


def test_the_same_files_should_give_the_same_claims() -> None:
    assert made() == made()
    assert not any(each.held_out for each in made())
