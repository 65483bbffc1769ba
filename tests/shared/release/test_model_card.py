import re
from dataclasses import replace

from shared.release.model_card import model_card
from shared.release.release_settings import EvaluationFacts


def test_the_card_says_what_the_model_is_for_and_what_it_is_not_for(settings):
    card = model_card(settings)

    assert card.startswith("# Prediction of objective response (CR or PR)\n")
    assert "Research use only. Not a medical device" in card
    assert "CR or PR by RECIST 1.1" in card
    assert not re.search(r"\b(positive|negative)\b", card, re.IGNORECASE)


def test_the_card_gives_the_evaluation_as_a_table(settings):
    card = model_card(settings)

    assert "32 held-out patients, 11 with the event." in card
    assert "| AUC | 0.840 | 0.710 to 0.950 |" in card
    assert "| F1 | – | – |" in card


def test_the_card_of_invented_patients_says_so(settings):
    real = replace(settings, provenance=replace(settings.provenance, synthetic=False))

    assert "Trained on invented patients" in model_card(settings)
    assert "invented" not in model_card(real)


def test_a_card_without_an_evaluation_says_so(settings):
    card = model_card(replace(settings, evaluation=EvaluationFacts(None, None)))

    assert "Not evaluated." in card


def test_the_card_leaves_open_what_only_the_authors_know(settings):
    card = model_card(settings)

    assert "TRIPOD+AI" in card
    assert "CLAIM" in card
    assert card.count("_to be completed_") >= 5
