"""A cohort's folder says whether and how its patients were invented."""

import json

from shared.settings import CLICI_CT, HAIC_MRI
from simulations.any_study import preset_settings
from simulations.haic.demo import HAIC_DEMO_SETTINGS
from simulations.haic.invention import invented_cohort
from simulations.synthetic.mri_spec import demo_mri_spec, published_mri_spec


def described(folder, spec):
    folder.mkdir()
    bayes = {"image_only": 0.9, "clinical_only": 0.7, "fusion": 0.95}
    record = {"spec": json.loads(spec.as_json()), "bayes_auc": bayes}
    (folder / "cohort.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def test_the_demonstration_tells_where_its_patients_differ_from_life(tmp_path):
    found = invented_cohort(described(tmp_path / "c", demo_mri_spec(1)))
    assert (found.bayes.image, found.bayes.clinical, found.bayes.fusion) == (0.9, 0.7, 0.95)
    said = " ".join(found.departures)
    assert "112 columns; in the publication 320" in said
    assert "0.45 of the patients progress; in the publication 0.134" in said


def test_images_of_a_clinical_size_are_no_departure(tmp_path):
    found = invented_cohort(described(tmp_path / "c", published_mri_spec(1)))
    assert not any("columns" in sentence or "slices" in sentence for sentence in found.departures)


def test_a_hospitals_own_folder_is_not_invented(tmp_path):
    assert invented_cohort(tmp_path) is None


def test_the_cohort_decides_the_study_unless_the_researcher_does(tmp_path):
    mri = described(tmp_path / "c", demo_mri_spec(1))
    assert preset_settings(mri, None, demo=False) == {"task": HAIC_MRI}
    assert preset_settings(mri, None, demo=True) == HAIC_DEMO_SETTINGS
    assert preset_settings(mri, CLICI_CT, demo=False) == {"task": CLICI_CT}
    assert preset_settings(tmp_path, None, demo=True)["task"] == CLICI_CT
