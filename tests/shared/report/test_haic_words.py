import pytest

from shared.cohort.fusion_columns import FUSION_COLUMNS, READERS
from shared.report.haic_words import SEQUENCES, feature_words, model_title, network_words
from shared.vocabulary import MriSequence


def test_every_sequence_has_words():
    assert set(SEQUENCES) == {sequence.value for sequence in MriSequence}


def test_every_column_a_model_may_use_reads_as_words():
    for column in FUSION_COLUMNS:
        if column not in READERS:
            assert "_" not in feature_words(column)


@pytest.mark.parametrize(
    ("feature", "words"),
    [
        ("ast_u_l", "AST"),
        ("ast_u_l missing", "AST: not measured"),
        ("tumour_thrombus", "Tumour thrombus: yes"),
        ("aged_50_or_more", "Age, ≥50 vs <50 years"),
        ("image_feature_1", "Image: T1 arterial"),
        ("image_score", "Image: mean score"),
    ],
)
def test_a_feature_is_called_what_a_clinician_calls_it(feature, words):
    assert feature_words(feature) == words


def test_models_networks_and_strangers_have_names():
    assert model_title("image-only") == "Image alone"
    assert model_title("reader 1") == "Reader 1"
    assert network_words("inception_v4") == "InceptionV4"
    assert network_words("another") == "another"
