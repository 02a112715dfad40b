from __future__ import annotations

import pytest

from chalicelib.contracts.ingest import Page
from chalicelib.generation.catalogue import catalogue, language_notice
from functions.read_document.text import language
from functions.read_document.text.language import language_of

ENGLISH = "The rack must be cleaned each morning before the weir is opened. "
GERMAN = "Der Rechen muss jeden Morgen gereinigt werden, bevor das Wehr geöffnet wird. "
MODEL = "minilm-l6-v2-int8"


def pages(*texts: str) -> list[Page]:
    return [Page(page=number, text=text) for number, text in enumerate(texts, start=1)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (ENGLISH, "en"),
        (GERMAN, "de"),
        ("La grille doit être nettoyée chaque matin avant l'ouverture du barrage.", "fr"),
        ("La reja debe limpiarse cada mañana antes de abrir la presa.", "es"),
        ("Kratę trzeba czyścić każdego ranka przed otwarciem jazu.", "pl"),
        ("Решётку нужно чистить каждое утро перед открытием плотины.", "ru"),
        ("毎朝、堰を開ける前に格子を掃除しなければなりません。", "ja"),
        ("يجب تنظيف الشبكة كل صباح قبل فتح السد.", "ar"),
    ],
)
def test_a_sentence_should_be_told_by_its_language(text: str, code: str) -> None:
    assert language_of(pages(text)) == code


@pytest.mark.parametrize(
    "text",
    ["", "Hi", "12 34 56 78", "SKU-1 AX-223 BQ-99 CC-1 kW m3 N/A SKU-7 ZZ-9 TR-17 VH-2011",
     "| a | b |\n| - | - |\n| 1 | 2 |", "x = [i for i in y]\n" * 5],
)  # fmt: skip
def test_what_is_no_sentence_should_have_no_language(text: str) -> None:
    assert language_of(pages(text)) == ""


def test_the_language_of_most_pages_should_count() -> None:
    assert language_of(pages("", ENGLISH * 4, *[GERMAN * 40] * 20)) == "de"
    assert language_of(pages(ENGLISH * 2_000 + GERMAN)) == "en"


def test_a_long_document_should_be_sampled_from_its_whole_length() -> None:
    texts = [f"<{n}>" + "." * 10_000 for n in range(50)]
    sample = language._sample(texts)
    assert len(sample) <= language.SAMPLE_CHARACTERS + language.SAMPLES
    assert sample.startswith("<0>")
    assert sample.count("\n") == language.SAMPLES - 1


def test_a_language_that_the_model_covers_badly_should_be_told() -> None:
    assert language_notice("de", MODEL, catalogue()) == (
        "The embedding model was trained on English; search by meaning is weaker for German (de);"
        " search by words works."
    )
    assert "the language xx" in language_notice("xx", MODEL, catalogue())


@pytest.mark.parametrize(("code", "model"), [("en", MODEL), ("", MODEL), ("de", "unknown")])
def test_nothing_should_be_told_where_all_is_well_or_unknown(code: str, model: str) -> None:
    assert language_notice(code, model, catalogue()) == ""


def test_every_embedding_model_should_say_which_languages_it_covers() -> None:
    for model in catalogue().models.values():
        assert bool(model.languages) == (model.task == "text-embedding"), model.name


def test_text_in_many_languages_should_be_told_by_none() -> None:
    names = {
        "de": "Die Datei ist ein Bild des Wehrs und seiner Gitter im Winter",
        "fr": "Le fichier est une image du barrage et de ses grilles en hiver",
        "es": "El archivo es una imagen de la presa y de sus rejas en invierno",
        "pl": "Plik jest obrazem jazu i jego krat w zimie, widzianym z góry",
        "it": "Il file è una immagine della diga e delle sue griglie in inverno",
    }
    text = "\n".join(f"comment {code}: {name}" for code, name in names.items())
    assert language_of(pages(text)) == ""
