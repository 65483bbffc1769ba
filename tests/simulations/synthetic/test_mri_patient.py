"""What was drawn is in the MR pixels: contrasts, chemical shift, noise, breath, and the outcome."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import center_of_mass
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from simulations.synthetic.mri_appearance import BiasField, signal_table
from simulations.synthetic.mri_patient import (
    IMAGES,
    draw_mri_patient,
    paint_image,
    render_image,
)
from simulations.synthetic.mri_scanner import DUAL_ECHO, MrImage
from simulations.synthetic.mri_spec import MriCohortSpec, demo_mri_spec, even_mri_sites
from simulations.synthetic.tissue import IN_LESION, IN_LIVER, Tissue

SPEC = MriCohortSpec(sites=even_mri_sites(4, 40), seed=7, columns=64, slices=12)


def rendered(patient, image):
    seen = paint_image(patient, image)
    return seen, render_image(SPEC, patient, seen, image).astype(float)


def mean_of(patient, image, tissue):
    seen, magnitude = rendered(patient, image)
    return magnitude[seen.labels == tissue].mean()


def test_dynamic_images_enhance_in_order():
    patient = draw_mri_patient(SPEC, 0, 1)
    ratio = {
        image: mean_of(patient, image, Tissue.AORTA) / mean_of(patient, image, Tissue.LIVER)
        for image in (MrImage.T1_ARTERIAL, MrImage.T1_PORTAL, MrImage.T1_DELAYED)
    }
    assert ratio[MrImage.T1_ARTERIAL] > 2.0
    assert 2.0 > ratio[MrImage.T1_PORTAL] > ratio[MrImage.T1_DELAYED] > 1.0


def test_bile_is_the_brightest_tissue_on_t2_and_dark_on_t1():
    patient = draw_mri_patient(SPEC, 0, 1)
    for image, brighter in ((MrImage.T2_FSE, True), (MrImage.T1_PORTAL, False)):
        bile, liver = (mean_of(patient, image, t) for t in (Tissue.GALL_BLADDER, Tissue.LIVER))
        assert (bile > 2 * liver) if brighter else (bile < 0.6 * liver)


def test_fatty_liver_loses_signal_when_opposed_in_proportion_to_its_fat_fraction():
    factors = replace(draw_mri_patient(SPEC, 0, 0).factors, steatosis=0.3)
    in_phase, opposed = (
        signal_table(factors, image)[Tissue.LIVER] for image in (MrImage.IN_PHASE, MrImage.OPPOSED)
    )
    # Fat fraction = (in - opposed) / (2 in), as two-point Dixon has it.
    assert (in_phase - opposed) / (2 * in_phase) == pytest.approx(0.3)


def test_both_echoes_see_the_same_breath():
    patient = draw_mri_patient(SPEC, 1, 0)
    first, second = (patient.scans[image] for image in DUAL_ECHO)
    assert first.displacement == second.displacement
    assert first.geometry == second.geometry


def test_noise_is_rician_so_air_has_the_rayleigh_mean():
    patient = draw_mri_patient(SPEC, 2, 0)
    seen, magnitude = rendered(patient, MrImage.T1_ARTERIAL)
    reception = patient.scans[MrImage.T1_ARTERIAL].reception
    air = magnitude[:, :4, :4]
    assert (seen.labels[:, :4, :4] == Tissue.AIR).all()
    expected = reception.gain * reception.coil.noise * np.sqrt(np.pi / 2)
    assert air.mean() == pytest.approx(expected, rel=0.12)


def test_bias_field_is_smooth_and_moderate():
    patient = draw_mri_patient(SPEC, 3, 0)
    scan = patient.scans[MrImage.T2_FSE]
    field = scan.reception.field.evaluate(scan.geometry.grid(), scan.reception.coil.bias)
    assert np.abs(np.diff(np.log(field), axis=2)).max() < 0.05
    flat = BiasField((0.0,) * 5).evaluate(scan.geometry.grid(), 0.2)
    np.testing.assert_array_equal(flat, 1.0)


def test_liver_lies_where_the_recorded_displacement_says():
    patient = draw_mri_patient(SPEC, 0, 3)
    image = MrImage.T1_DELAYED
    scan = patient.scans[image]
    still = replace(scan, displacement=patient.scans[MrImage.T1_ARTERIAL].displacement)
    at = []
    for one in (scan, still):
        here = replace(patient, scans={**patient.scans, image: one})
        seen = paint_image(here, image)
        z, _, _ = center_of_mass(seen.labels == Tissue.SPLEEN)
        at.append(scan.geometry.first_mm[2] + z * scan.geometry.step_mm)
    moved = scan.displacement.superior_mm
    assert abs(moved) > 0.5
    assert at[0] - at[1] == pytest.approx(moved, abs=1.5)


def test_sequences_differ_in_matrix_and_spacing_and_cover_the_liver():
    patient = draw_mri_patient(SPEC, 0, 0)
    shapes = {(s.geometry.rows, s.geometry.columns) for s in patient.scans.values()}
    assert len(shapes) == 3
    assert len({scan.geometry.spacing_mm for scan in patient.scans.values()}) == 3
    for image in IMAGES:
        liver = np.isin(paint_image(patient, image).labels, IN_LIVER)
        assert liver[1:-1].any()
        assert not liver[:, 0].any()
        assert not liver[:, :, 0].any()


def test_image_and_clinic_agree_on_what_both_see():
    for number in range(40):
        patient = draw_mri_patient(SPEC, number % 4, number)
        assert patient.factors.thrombus == bool(patient.baseline["tumour_thrombus"])
        assert (patient.factors.lesion_count > 1) == bool(patient.baseline["multiple_tumours"])
        read = 10 * patient.baseline["largest_tumour_cm"]
        assert read == pytest.approx(patient.factors.largest_mm, rel=0.25)


def test_demo_has_both_classes_at_every_site():
    for seed in range(3):
        spec = demo_mri_spec(seed)
        for site in range(len(spec.sites)):
            events = [draw_mri_patient(spec, site, number).outcome.event for number in range(30)]
            assert 4 <= sum(events) <= 18


def lesion_features(patient):
    features = []
    for image in IMAGES:
        seen, magnitude = rendered(patient, image)
        lesion = magnitude[np.isin(seen.labels, IN_LESION)]
        liver = magnitude[seen.labels == Tissue.LIVER].mean()
        features += [lesion.mean() / liver, lesion.std() / liver]
    return features


def test_simple_features_of_the_true_masks_predict_progressive_disease():
    patients = [draw_mri_patient(SPEC, n % 4, n // 4) for n in range(120)]
    features = np.array([lesion_features(one) for one in patients])
    event = np.array([one.outcome.event for one in patients])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
    score = cross_val_predict(model, features, event, cv=5, method="decision_function")
    assert roc_auc_score(event, score) >= 0.8
