import numpy as np

from server.federated_moments import Columns
from shared.cohort.analysis_columns import site_columns
from shared.fusion.standardize import Preparation
from shared.fusion.svm import FittedSvm, probabilities
from simulations.clinical.fold_models import decode_models, encode_models, out_of_fold_scores


def model(weight):
    columns = Columns(("ast_u_l", "age_years"), logged=("ast_u_l",))
    preparation = Preparation(
        columns.names,
        columns.logged,
        ("ast_u_l",),
        np.array([[4.0, 60.0]]),
        np.array([[4.0, 58.0, 0.1]]),
        np.array([[0.8, 9.0, 0.3]]),
    )
    return FittedSvm(preparation, 1, np.array([weight, -0.2, 0.1, -1.0]), 2.0, -0.5, 0.25)


def test_models_come_back_as_they_were_sent(cohort):
    sent = [model(0.3), model(0.9)]
    table = site_columns(cohort.table)
    received = decode_models(encode_models(sent))
    assert [str(m) for m in received] == [str(m) for m in sent]
    np.testing.assert_array_equal(probabilities(received[1], table), probabilities(sent[1], table))


def test_each_patient_is_scored_by_the_model_of_its_own_fold(cohort):
    table = site_columns(cohort.table)
    folds = np.arange(127) % 2
    models = [model(0.3), model(-2.0)]
    found = out_of_fold_scores(encode_models(models), table, folds)
    for fold in (0, 1):
        expected = probabilities(models[fold], table)[folds == fold]
        np.testing.assert_array_equal(found.scores[folds == fold], expected)
    assert found.events.sum() == 17
