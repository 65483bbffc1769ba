"""One invented patient: everything drawn, nothing rendered until asked for."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int16

from shared.vocabulary import CtPhase
from simulations.synthetic.anatomy import Body, draw_body, liver_box, paint_body
from simulations.synthetic.ct_appearance import Exposure, Parenchyma, render
from simulations.synthetic.factors import ImageFactors, draw_factors
from simulations.synthetic.grid import Displacement, ScanGeometry
from simulations.synthetic.lesions import Lesion, draw_lesions, paint_lesions
from simulations.synthetic.outcome import Outcome, draw_outcome
from simulations.synthetic.spec import CohortSpec
from simulations.synthetic.texture import draw_texture
from simulations.synthetic.tissue import LabelledVolume

PHASES = (CtPhase.PLAIN, CtPhase.ARTERIAL, CtPhase.PORTAL)
"""The three phases of Liao 2024, section 2.2, in the order they are acquired."""

_LOWEST_MM = -100.0
_HIGHEST_MM = 112.0
"""From the middle of the kidneys to above the dome of the largest liver."""

_SKIN_TO_EDGE_MM = 14.0
"""Air between the skin and the edge of the field of view."""


@dataclass(frozen=True)
class PhaseScan:
    """One acquisition of a patient.

    Attributes:
        phase: Plain, arterial or portal.
        displacement: Where the patient lay; the plain phase defines the origin.
        contrast_gain: How strongly vessels and organs enhance.
        seconds: Start of the acquisition after the plain scan's start.
    """

    phase: CtPhase
    displacement: Displacement
    contrast_gain: float
    seconds: float


@dataclass(frozen=True)
class SyntheticPatient:
    """One patient as drawn.

    Attributes:
        patient_id: Pseudonym, unique in the cohort; also DICOM PatientID.
        site: Index of the site in the cohort's specification.
        number: Index of the patient at the site, from 0.
        factors: The causes of the images.
        outcome: What happened, and its true probability.
        body: The frame.
        lesions: The lesions, the largest first.
        parenchyma: The textures.
        scans: The phases, in the order of `PHASES`.
        geometry: Sampling of every phase, in scanner millimetres before the table's offset.
        table_mm: What DICOM adds to z: the table's position at the anatomy's origin.
        bolus_seconds: Start of the injection after the plain scan's start; None if not recorded.
    """

    patient_id: str
    site: int
    number: int
    factors: ImageFactors
    outcome: Outcome
    body: Body
    lesions: tuple[Lesion, ...]
    parenchyma: Parenchyma
    scans: tuple[PhaseScan, ...]
    geometry: ScanGeometry
    table_mm: float
    bolus_seconds: float | None


def draw_patient(spec: CohortSpec, site: int, number: int) -> SyntheticPatient:
    """Draw a patient; the same specification, site and number give the same patient."""
    place = spec.sites[site]
    rng = _generator(spec, site, number, stream=0)
    factors = draw_factors(rng)
    outcome = draw_outcome(factors, spec.effect_scale, place.log_odds_shift, rng)
    body = draw_body(factors, rng)
    lesions = draw_lesions(factors, body, rng)
    parenchyma = Parenchyma(fine=draw_texture(3.5, rng), coarse=draw_texture(11.0, rng))
    scans = _draw_scans(spec.misregistration_mm, rng)
    bolus = scans[1].seconds - rng.uniform(25.0, 33.0)
    recorded = rng.random() < place.scanner_profile.bolus_time_share
    return SyntheticPatient(
        patient_id=f"S{site + 1}-{number + 1:04d}",
        site=site,
        number=number,
        factors=factors,
        outcome=outcome,
        body=body,
        lesions=lesions,
        parenchyma=parenchyma,
        scans=scans,
        geometry=_draw_geometry(spec, site, body, rng),
        table_mm=float(round(rng.uniform(-420.0, -180.0), 1)),
        bolus_seconds=float(bolus) if recorded else None,
    )


def paint_phase(patient: SyntheticPatient, phase: CtPhase) -> LabelledVolume:
    """Label one phase of a patient: the true masks."""
    scan = patient.scans[PHASES.index(phase)]
    grid = patient.geometry.grid().seen_by_the_patient(scan.displacement)
    labels = paint_body(patient.body, grid)
    paint_lesions(labels, patient.lesions, patient.factors, patient.body, grid)
    return LabelledVolume(labels=labels, grid=grid, liver=liver_box(patient.body, grid))


def render_phase(
    spec: CohortSpec, patient: SyntheticPatient, seen: LabelledVolume, phase: CtPhase
) -> Int16[np.ndarray, "slice height width"]:
    """Render one phase of a patient in HU, from the tissues that `paint_phase` gave for it."""
    index = PHASES.index(phase)
    scanner = spec.sites[patient.site].scanner_profile
    return render(
        seen,
        patient.parenchyma,
        patient.factors,
        Exposure(phase, patient.scans[index].contrast_gain, scanner),
        _generator(spec, patient.site, patient.number, stream=1 + index),
    )


def _generator(spec: CohortSpec, site: int, number: int, *, stream: int) -> np.random.Generator:
    return np.random.default_rng([spec.seed, site, number, stream])


def _draw_scans(misregistration_mm: float, rng: np.random.Generator) -> tuple[PhaseScan, ...]:
    """Draw timing (Liao 2024, section 2.2: +90 s, then +60 s), enhancement and breath holds."""
    arterial = rng.normal(90.0, 4.0)
    starts = (0.0, arterial, arterial + rng.normal(60.0, 4.0))
    gain = rng.normal(1.0, 0.08)
    scans = []
    for phase, start in zip(PHASES, starts, strict=True):
        moved = Displacement(*(misregistration_mm * rng.normal(0.0, (0.3, 0.3, 1.0, 1.0))))
        scans.append(
            PhaseScan(
                phase=phase,
                displacement=Displacement() if phase is CtPhase.PLAIN else moved,
                contrast_gain=float(gain),
                seconds=float(start),
            )
        )
    return tuple(scans)


def _draw_geometry(
    spec: CohortSpec, site: int, body: Body, rng: np.random.Generator
) -> ScanGeometry:
    """Lay the field of view around the patient, not quite centred, as a radiographer does."""
    field_mm = 2.0 * (body.half_width_mm + _SKIN_TO_EDGE_MM)
    spacing = round(field_mm / spec.matrix, 6)
    reach = _HIGHEST_MM - _LOWEST_MM
    step = round(reach / spec.slices * spec.sites[site].scanner_profile.slice_factor, 2)
    edge = -spacing * (spec.matrix - 1) / 2.0
    off_x, off_y, off_z = (float(value) for value in rng.uniform(-4.0, 4.0, 3))
    return ScanGeometry(
        matrix=spec.matrix,
        slices=1 + int(reach / step),
        spacing_mm=spacing,
        step_mm=step,
        first_mm=(round(edge + off_x, 3), round(edge + off_y, 3), round(_LOWEST_MM + off_z, 1)),
    )
