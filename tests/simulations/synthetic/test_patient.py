"""What was drawn is in the pixels: places, contrasts, displacements, and the outcome's causes."""

import numpy as np
import pytest
from scipy.ndimage import center_of_mass
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from shared.vocabulary import CtPhase
from simulations.synthetic.patient import (
    PHASES,
    draw_patient,
    paint_phase,
    render_phase,
)
from simulations.synthetic.spec import CohortSpec, demo_spec, even_sites
from simulations.synthetic.tissue import IN_LESION, IN_LIVER, Tissue, liver_range_mm

SPEC = CohortSpec(sites=even_sites(4, 30), seed=7, matrix=64, slices=16)


def centre_mm(patient, seen, tissues):
    z, y, x = center_of_mass(np.isin(seen.labels, tissues))
    grid = patient.geometry.grid()
    at = (np.interp(i, np.arange(len(a)), a) for i, a in
          ((x, grid.x_mm), (y, grid.y_mm), (z, grid.z_mm)))  # fmt: skip
    return np.array(list(at))


def test_liver_is_right_spleen_left_and_spine_behind():
    patient = draw_patient(SPEC, 0, 0)
    seen = paint_phase(patient, CtPhase.PLAIN)
    assert centre_mm(patient, seen, [Tissue.LIVER])[0] < -20
    assert centre_mm(patient, seen, [Tissue.SPLEEN])[0] > 50
    assert centre_mm(patient, seen, [Tissue.MARROW])[1] > 50
    assert centre_mm(patient, seen, [Tissue.LUNG])[2] > centre_mm(patient, seen, [Tissue.LIVER])[2]


@pytest.mark.parametrize("number", range(6))
def test_every_patient_has_a_lesion_large_enough_to_see(number):
    patient = draw_patient(SPEC, number % 4, number)
    seen = paint_phase(patient, CtPhase.PORTAL)
    lesion = np.isin(seen.labels, IN_LESION)
    assert np.count_nonzero(lesion.any(axis=(1, 2))) >= 3
    assert lesion.sum() > 0.02 * np.isin(seen.labels, IN_LIVER).sum()


def test_phases_enhance_in_order():
    patient = draw_patient(SPEC, 0, 1)
    mean = {}
    for phase in PHASES:
        seen = paint_phase(patient, phase)
        image = render_phase(SPEC, patient, seen, phase)
        for tissue in (Tissue.AORTA, Tissue.LIVER, Tissue.PORTAL_VEIN):
            mean[phase, tissue] = image[seen.labels == tissue].mean()
    plain, arterial, portal = PHASES
    assert mean[arterial, Tissue.AORTA] > mean[portal, Tissue.AORTA] > mean[plain, Tissue.AORTA]
    assert mean[portal, Tissue.LIVER] > mean[arterial, Tissue.LIVER] + 20
    assert mean[portal, Tissue.PORTAL_VEIN] > mean[arterial, Tissue.PORTAL_VEIN] + 30


def test_a_displaced_phase_shows_the_body_displaced_by_the_recorded_distance():
    spec = CohortSpec(sites=even_sites(1, 3), seed=2, matrix=96, slices=60, misregistration_mm=6.0)
    patient = draw_patient(spec, 0, 0)
    plain = centre_mm(patient, paint_phase(patient, CtPhase.PLAIN), [Tissue.SPLEEN])
    portal = centre_mm(patient, paint_phase(patient, CtPhase.PORTAL), [Tissue.SPLEEN])
    moved = patient.scans[2].displacement
    assert portal[2] - plain[2] == pytest.approx(moved.superior_mm, abs=1.0)
    assert portal[0] - plain[0] == pytest.approx(moved.left_mm, abs=1.0)


def test_noise_has_the_scanners_size():
    for site in range(4):
        patient = draw_patient(SPEC, site, 2)
        seen = paint_phase(patient, CtPhase.PLAIN)
        image = render_phase(SPEC, patient, seen, CtPhase.PLAIN).astype(float)
        stomach = image[seen.labels == Tissue.SPLEEN]
        spread = 0.5 * np.subtract(*np.percentile(stomach, [84.13, 15.87]))
        scanner = SPEC.sites[site].scanner_profile
        assert spread == pytest.approx(scanner.noise_hu, rel=0.3)


def test_liver_range_covers_most_of_the_liver():
    patient = draw_patient(SPEC, 1, 3)
    labels = paint_phase(patient, CtPhase.PLAIN).labels
    low, high = liver_range_mm(labels, patient.geometry.heights_mm(), patient.table_mm)
    heights = np.array(patient.geometry.heights_mm()) + patient.table_mm
    inside = (heights >= low - 1e-3) & (heights <= high + 1e-3)
    volume = np.isin(labels, IN_LIVER).sum(axis=(1, 2))
    assert volume[inside].sum() > 0.97 * volume.sum()
    assert volume[inside].min() > 0


def test_simple_features_of_the_true_mask_predict_the_outcome():
    spec = demo_spec(3)
    features, events = [], []
    for site in range(4):
        for number in range(25):
            patient = draw_patient(spec, site, number)
            row = []
            for phase in (CtPhase.ARTERIAL, CtPhase.PORTAL):
                seen = paint_phase(patient, phase)
                image = render_phase(spec, patient, seen, phase)
                lesion = np.isin(seen.labels, IN_LESION)
                liver = seen.labels == Tissue.LIVER
                row += [image[lesion].mean() - image[liver].mean(), (image[lesion] < 50).mean()]
            features.append(row)
            events.append(patient.outcome.event)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    score = cross_val_predict(model, features, events, cv=5, method="predict_proba")[:, 1]
    assert roc_auc_score(events, score) >= 0.85
