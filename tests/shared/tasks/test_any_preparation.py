"""One call prepares CT and MRI; the preparation that is asked for decides."""

import numpy as np
import pytest
from ct_files import CtFiles, write_ct
from mr_files import liver_study, write_study

from shared.errors import PreparationError
from shared.tasks.any_preparation import prepare_images
from shared.tasks.mri_preparation import prepare_mri_study
from shared.tasks.preparation import prepare_study
from shared.tasks.preparation_settings import CtPreparation, MriPreparation
from shared.vocabulary import CtPhase, MriRole

CT = CtPreparation((CtPhase.PORTAL,), image_size=16)
MRI = MriPreparation(height=16, width=20)


def test_ct_goes_the_road_of_ct_with_its_roles(tmp_path):
    write_ct(tmp_path, CtFiles(number=2, description="unclear"))
    roles = {"2.25.1000.2": CtPhase.PORTAL}
    study = prepare_images(tmp_path, CT, roles=roles)
    assert np.array_equal(study.images, prepare_study(tmp_path, CT, roles=roles).images)


def test_mri_goes_the_road_of_mri_with_its_roles_and_range(tmp_path):
    write_study(tmp_path, [*liver_study()[1:]])
    with pytest.raises(PreparationError, match="T2 FSE"):
        prepare_images(tmp_path, MRI)
    write_study(tmp_path)
    roles = {"2.25.1000.3": MriRole.T2_FSE}
    study = prepare_images(tmp_path, MRI, roles=roles, liver_range_mm=(4.0, 11.0))
    expected = prepare_mri_study(tmp_path, MRI, roles=roles, liver_range_mm=(4.0, 11.0))
    assert study.positions_mm.tolist() == [5.0, 10.0]
    assert np.array_equal(study.images, expected.images)


@pytest.mark.parametrize(
    ("preparation", "role"), [(CT, MriRole.T2_FSE), (MRI, CtPhase.PORTAL)], ids=["ct", "mri"]
)
def test_a_role_of_the_other_modality_is_refused(tmp_path, preparation, role):
    with pytest.raises(PreparationError, match="got 1 of the other modality"):
        prepare_images(tmp_path, preparation, roles={"2.25.1000.2": role})
