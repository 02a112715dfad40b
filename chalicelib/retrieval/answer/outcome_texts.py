"""The sentences that stand in place of an answer, by language."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from chalicelib.retrieval.text.language import ENGLISH

if TYPE_CHECKING:
    from chalicelib.contracts.answers import Outcome

REFUSALS: Mapping[str, str] = MappingProxyType(
    {
        "en": "This is not in these documents.",
        "de": "Das steht nicht in diesen Dokumenten.",
        "fr": "Cela ne se trouve pas dans ces documents.",
        "es": "Esto no está en estos documentos.",
        "it": "Questo non si trova in questi documenti.",
        "pt": "Isto não está nestes documentos.",
        "nl": "Dit staat niet in deze documenten.",
        "da": "Dette står ikke i disse dokumenter.",
        "no": "Dette står ikke i disse dokumentene.",
        "sv": "Detta står inte i dessa dokument.",
        "fi": "Tätä ei ole näissä asiakirjoissa.",
        "pl": "Tego nie ma w tych dokumentach.",
        "cs": "To v těchto dokumentech není.",
    }
)
"""The text of the outcome `not_found`."""
NEAREST_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "en": "No sentence says it outright; these passages are closest.",
        "de": "Kein Satz sagt es ausdrücklich; diese Stellen kommen dem am nächsten.",
        "fr": "Aucune phrase ne le dit expressément ; ces passages s'en approchent le plus.",
        "es": "Ninguna frase lo dice expresamente; estos pasajes son los más cercanos.",
        "it": "Nessuna frase lo dice espressamente; questi passi sono i più vicini.",
        "pt": "Nenhuma frase o diz expressamente; estas passagens são as mais próximas.",
        "nl": "Geen zin zegt het met zoveel woorden; deze passages komen er het dichtst bij.",
        "da": "Ingen sætning siger det direkte; disse passager er de nærmeste.",
        "no": "Ingen setning sier det direkte; disse avsnittene er de nærmeste.",
        "sv": "Ingen mening säger det rakt ut; dessa stycken ligger närmast.",
        "fi": "Mikään lause ei sano sitä suoraan; nämä kohdat ovat lähimpinä.",
        "pl": "Żadne zdanie nie mówi tego wprost; te fragmenty są najbliższe.",
        "cs": "Žádná věta to neříká výslovně; tyto pasáže jsou nejblíže.",
    }
)
"""The text of the outcome `nearest`."""
NOT_FOUND = REFUSALS[ENGLISH]


def outcome_text(outcome: Outcome, language: str) -> str:
    """Return the text for a question without answer, in `language`, or in English if unknown.

    Args:
        outcome: `nearest` or `not_found`.
        language: an ISO 639-1 code.
    """
    texts = NEAREST_TEXTS if outcome == "nearest" else REFUSALS
    return texts.get(language, texts[ENGLISH])


def is_refusal(answer: str) -> bool:
    """Return whether an answer only says that there is none, in any language."""
    return answer.strip() in {*REFUSALS.values(), *NEAREST_TEXTS.values()}
