"""Where the liver lies, on whose word, and a proposal that misses nothing."""

import numpy as np
import pytest
from ct_files import CtFiles, write_ct

from shared.dicom.geometry import order_volume
from shared.dicom.scan import scan_folder
from shared.dicom.series import group_series
from shared.errors import PreparationError
from shared.tasks.liver_range import LiverRange, LiverSource, confirm_range, propose_range
from shared.vocabulary import CtPhase
from simulations.synthetic.patient import draw_patient, paint_phase, render_phase
from simulations.synthetic.spec import CohortSpec, even_sites
from simulations.synthetic.tissue import IN_LIVER

SPEC = CohortSpec(sites=even_sites(4, 30), seed=7, matrix=96, slices=40)


def _volume(folder, **changes):
    write_ct(folder, CtFiles(**changes))
    (series,) = group_series(scan_folder(folder).instances)
    return order_volume(series)


@pytest.mark.parametrize("ends", [(10.0, 5.0), (float("nan"), 5.0), (0.0, float("inf"))])
def test_ends_that_are_no_range_are_refused(ends):
    with pytest.raises(PreparationError, match="lower to an upper height"):
        LiverRange(*ends, LiverSource.MANIFEST)


def test_a_range_says_its_source_and_not_who_confirmed_it():
    found = LiverRange(0.0, 9.0, LiverSource.PROPOSAL)
    assert found.sentence() == (
        "The liver range comes from a heuristic proposal, not confirmed by a person."
    )
    signed = confirm_range(found, " Dr. Li ")
    assert signed.confirmed_by == "Dr. Li"
    assert (found.vouched_for, signed.vouched_for) == (False, True)
    assert LiverRange(0.0, 9.0, LiverSource.MANIFEST).vouched_for
    assert "Li" not in signed.sentence().replace("The liver", "")
    with pytest.raises(PreparationError, match="name of who confirms"):
        confirm_range(found, " ")


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("phase", [CtPhase.PLAIN, CtPhase.PORTAL])
def test_a_proposal_covers_the_whole_liver(tmp_path, number, phase):
    patient = draw_patient(SPEC, number, number)
    seen = paint_phase(patient, phase)
    heights = np.asarray(patient.geometry.heights_mm())
    volume = _volume(
        tmp_path,
        z_mm=tuple(float(round(z, 3)) for z in heights),
        pixel_mm=patient.geometry.spacing_mm,
        values_hu=np.clip(render_phase(SPEC, patient, seen, phase), -1024, 3000),
    )
    found = propose_range(volume)
    liver = heights[np.isin(seen.labels, IN_LIVER).any(axis=(1, 2))]
    step = patient.geometry.step_mm
    assert found.source is LiverSource.PROPOSAL
    assert found.lower_mm <= liver.min() + step / 2
    assert found.upper_mm >= liver.max() - step / 2
    assert found.upper_mm - found.lower_mm < np.ptp(liver) + 80.0


def test_slices_without_soft_tissue_give_no_proposal(tmp_path):
    volume = _volume(tmp_path, values_hu=np.full((4, 16, 16), -800.0))
    with pytest.raises(PreparationError, match="No liver was found"):
        propose_range(volume)
