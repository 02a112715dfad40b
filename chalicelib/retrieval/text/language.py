"""Detection of a question's language by common words and letters.

Questions are short and full of function words, and few languages are distinguished here: a list of
those words is as reliable as a model of letter sequences, and adds no import to the API. If the
language stays open, the result is "" and the question counts as English.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

_WORD = re.compile(r"(?<![\w-])[^\W\d_]+(?!\w)")
"""A word of letters alone: no part of a version, an option or an identifier."""

_COMMON: Mapping[str, str] = MappingProxyType(
    {
        "en": """the of and to in is are was were be been what which who whom whose where when why
            how do does did can could may must should would will has have had it its this that
            there for with on at by from about many much long often old not any or a an as if
            you your my i we they but than then into only some all more most between after
            before without""",
        "de": """der die das des dem den ein eine einen einem einer und ist sind war waren was
            welche welcher welches welchen wer wen wem wessen wo wann warum wieso wie viel viele
            hat haben wird werden wurde wurden kann darf muss soll nicht zu zum zur im in von vom
            mit für auf bei nach über unter man sich es sie er gibt lange oft alt""",
        "fr": """le la les l un une des du de d et est sont était étaient que quoi quel quelle
            quels quelles qui où quand pourquoi comment combien a ont peut doit faut il elle ils
            elles on ne pas à au aux en dans par pour avec sur sous ce cette ces s y qu""",
        "es": """el la los las un una de del y es son era eran fue qué cuál cuáles quién quiénes
            dónde cuándo cómo cuánto cuánta cuántos cuántas por para con sobre en se ha han hay
            puede debe tiene no al lo su que está cada""",
        "it": """il lo la i gli le un una uno di del della dei delle dello degli e è sono era
            erano che cosa quale quali chi dove quando perché come quanto quanta quanti quante per
            con su nel nella in si ha hanno può deve non al alla da dal dalla ogni viene""",
        "pt": """o a os as um uma de do da dos das e é são era eram foi que qual quais quem onde
            quando por como quanto quanta quantos quantas para com sobre em no na nos nas se tem
            têm pode deve não ao à pelo pela está cada""",
        "nl": """de het een van en is zijn was waren wat welke wie waar wanneer waarom hoe hoeveel
            veel vaak heeft hebben kan mag moet moeten niet te in op met voor bij door naar over
            er wordt worden werd werden om dat die deze oud per""",
        "da": """den det de en et og er var hvad hvilken hvilket hvilke hvem hvor hvornår hvorfor
            hvordan mange meget ofte længe har kan må skal ikke at i på med for af til fra om der
            bliver blev som dette denne gammel""",
        "no": """den det de en et ei og er var hva hvilken hvilket hvilke hvem hvor når hvorfor
            hvordan mange mye ofte lenge har kan må skal ikke å i på med for av til fra om der
            blir ble som dette denne gammel""",
        "sv": """den det de en ett och är var vad vilken vilket vilka vem vilka var när varför hur
            många mycket ofta länge har kan får måste ska inte att i på med för av till från om
            där blir blev som detta denna gammal""",
        "fi": """ja on ovat oli olivat mikä mitkä mitä kuka ketkä missä milloin miksi miten kuinka
            monta paljon usein kauan pitää voi saa täytyy ei se ne tämä että kun joka jos
            vanha kuka mistä mihin kenen""",
        "pl": """i w na z do od jest są był była było byli co jaki jaka jakie jakiej kto gdzie
            kiedy dlaczego jak ile często długo ma mają może musi nie się to ten ta te o po przez
            dla przy czy który która które""",
        "cs": """a v na z do od je jsou byl byla bylo byli co jaký jaká jaké kdo kde kdy proč jak
            kolik často dlouho má mají může musí ne se to ten ta ty o po pro při který která
            které s za si""",
    }
)
LANGUAGES: Mapping[str, str] = MappingProxyType(
    {
        "en": "English",
        "de": "German",
        "fr": "French",
        "es": "Spanish",
        "it": "Italian",
        "pt": "Portuguese",
        "nl": "Dutch",
        "da": "Danish",
        "no": "Norwegian",
        "sv": "Swedish",
        "fi": "Finnish",
        "pl": "Polish",
        "cs": "Czech",
    }
)
"""The languages that are distinguished, by ISO 639-1 code."""

_LETTERS: Mapping[str, str] = MappingProxyType(
    {
        "de": "ß",
        "de sv fi": "ä",
        "de sv": "ö",
        "de es": "ü",
        "fr pt": "çêâ",
        "fr": "œîûëï",
        "fr it": "èà",
        "es": "ñ¿¡",
        "es cs pt": "áíóú",
        "pt": "ãõ",
        "it": "ìò",
        "da no": "øæ",
        "da no sv": "å",
        "pl": "ąęłńśźż",
        "cs": "ěřůčšžýť",
    }
)
ENGLISH = "en"

MIN_SIGNS = 2
"""The fewest different words, or kinds of letters, of a language other than English."""
TELLING_LETTERS = 4
"""A word of as many letters counts as two signs: shorter ones are names and codes as well."""
MIN_SCORE = 0.6
MIN_SHARE = 0.15
"""The least score of a language other than English, and the least for each word of the text."""
MIN_LEAD = 0.6
"""By how much it must be ahead of English."""
_OF_WORD = 1.0
_OF_LETTER = 0.6


def _by_word() -> Mapping[str, tuple[str, ...]]:
    known: dict[str, set[str]] = {}
    for language, listed in _COMMON.items():
        for word in listed.split():
            known.setdefault(word, set()).add(language)
    return MappingProxyType({word: tuple(sorted(langs)) for word, langs in known.items()})


_LANGUAGES_OF = _by_word()


def detect_language(text: str) -> str:
    """Return the ISO 639-1 code of the language of `text`, "" if it stays open.

    A word that several languages share counts for each by its share. English is told by one word of
    its own: it is what an open language counts as. Another language needs words or letters of its
    own for a good part of the text, and a clear lead: a name or a term alone decides nothing.
    """
    folded = unicodedata.normalize("NFC", text).casefold()
    words = _WORD.findall(folded)
    scores: dict[str, float] = dict.fromkeys(_COMMON, 0.0)
    signs: Counter[str] = Counter()
    for word, count in Counter(words).items():
        for language in _LANGUAGES_OF.get(word, ()):
            signs[language] += 2 if len(word) >= TELLING_LETTERS else 1
            scores[language] += count * _OF_WORD / len(_LANGUAGES_OF[word])
    for languages, letters in _LETTERS.items():
        among = languages.split()
        for language in among if any(letter in folded for letter in letters) else ():
            signs[language] += 1
            scores[language] += _OF_LETTER / len(among)
    best = max(_COMMON, key=lambda language: scores[language])
    if not scores[best]:
        return ""
    if best == ENGLISH or _leads(scores, best, signs[best], len(words)):
        return best
    return ENGLISH if scores[ENGLISH] else ""


def _leads(scores: Mapping[str, float], best: str, count: int, words: int) -> bool:
    """Return whether a language has enough of the words, and clearly more than English."""
    enough = count >= MIN_SIGNS and scores[best] >= max(MIN_SCORE, MIN_SHARE * words)
    return enough and scores[best] >= scores[ENGLISH] + MIN_LEAD


ENGLISH = "en"
