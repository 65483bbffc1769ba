"""One invented patient with MRI: everything drawn, nothing rendered until asked for."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import UInt16

from simulations.synthetic.anatomy import Body, draw_body, liver_box, paint_body
from simulations.synthetic.ct_appearance import Parenchyma
from simulations.synthetic.factors import ImageFactors, draw_factors
from simulations.synthetic.grid import Displacement
from simulations.synthetic.lesions import Lesion, draw_lesions, paint_lesions
from simulations.synthetic.mri_appearance import Reception, draw_field, render_mr
from simulations.synthetic.mri_clinical import (
    Baseline,
    FollowUp,
    draw_baseline,
    draw_course,
    read_size,
)
from simulations.synthetic.mri_geometry import SlabGeometry, draw_geometries
from simulations.synthetic.mri_outcome import (
    Causes,
    MriOutcome,
    causes_of,
    draw_mri_outcome,
)
from simulations.synthetic.mri_scanner import DUAL_ECHO, DYNAMIC, MrImage, MrScanner
from simulations.synthetic.mri_spec import MriCohortSpec
from simulations.synthetic.texture import draw_texture
from simulations.synthetic.tissue import LabelledVolume

IMAGES = (MrImage.T2_FSE, *DUAL_ECHO, *DYNAMIC)
"""The six images in the order of acquisition: T2 and both echoes before contrast."""

_MODALITY = 1000
"""Keeps the streams of MRI patients apart from those of CT patients of the same seed."""

_FREE_BREATHING = 1.3
"""Displacement of T2 and dual echo against that of a breath hold of the dynamic series."""

_MILD_STEATOSIS = 0.5
"""Liver fat against CT's: opposed phase shows 15 % as clearly as CT shows 30 %."""


@dataclass(frozen=True)
class MrScan:
    """One acquired image stack.

    Attributes:
        image: Which of the six.
        displacement: Where the patient lay; the arterial phase defines the origin.
        seconds: Start of the acquisition after the study's first scan.
        geometry: Sampling, before the table's offset.
        reception: Gain and bias field.
    """

    image: MrImage
    displacement: Displacement
    seconds: float
    geometry: SlabGeometry
    reception: Reception


@dataclass(frozen=True)
class MriPatient:
    """One patient as drawn.

    Attributes:
        patient_id: Pseudonym, unique in the cohort; also DICOM PatientID.
        site: Index of the site in the cohort's specification.
        number: Index of the patient at the site, from 0.
        factors: The causes of the images.
        baseline: The clinical table's values before treatment.
        causes: Parts of the log-odds of progressive disease.
        outcome: What happened, and its true probabilities.
        course: Cycles and follow-up.
        body: The frame.
        lesions: The lesions, the largest first.
        parenchyma: The textures.
        scans: The six images by kind.
        table_mm: What DICOM adds to z.
        bolus_seconds: Start of the injection after the first scan's start; None if not recorded.
    """

    patient_id: str
    site: int
    number: int
    factors: ImageFactors
    baseline: Baseline
    causes: Causes
    outcome: MriOutcome
    course: FollowUp
    body: Body
    lesions: tuple[Lesion, ...]
    parenchyma: Parenchyma
    scans: dict[MrImage, MrScan]
    table_mm: float
    bolus_seconds: float | None


def draw_mri_patient(spec: MriCohortSpec, site: int, number: int) -> MriPatient:
    """Draw a patient; the same specification, site and number give the same patient."""
    place = spec.sites[site]
    rng = patient_generator(spec, site, number, stream=0)
    factors, baseline = _draw_findings(rng)
    causes = causes_of(factors, baseline)
    outcome = draw_mri_outcome(causes, spec.effects, place.log_odds_shift, rng)
    course = draw_course(baseline, outcome.response, rng)
    body = draw_body(factors, rng)
    lesions = draw_lesions(factors, body, rng)
    parenchyma = Parenchyma(fine=draw_texture(3.5, rng), coarse=draw_texture(11.0, rng))
    scanner = place.scanner_profile
    bolus = float(rng.uniform(420.0, 540.0))
    return MriPatient(
        patient_id=f"M{site + 1}-{number + 1:04d}",
        site=site,
        number=number,
        factors=factors,
        baseline=baseline,
        causes=causes,
        outcome=outcome,
        course=course,
        body=body,
        lesions=lesions,
        parenchyma=parenchyma,
        scans=_draw_scans(spec, scanner, body, bolus, rng),
        table_mm=float(round(rng.uniform(-60.0, 60.0), 1)),
        bolus_seconds=bolus if rng.random() < scanner.bolus_time_share else None,
    )


def paint_image(patient: MriPatient, image: MrImage) -> LabelledVolume:
    """Label one image of a patient: the true masks. Both echoes have the same."""
    scan = patient.scans[image]
    grid = scan.geometry.grid().seen_by_the_patient(scan.displacement)
    labels = paint_body(patient.body, grid)
    paint_lesions(labels, patient.lesions, patient.factors, patient.body, grid)
    return LabelledVolume(labels=labels, grid=grid, liver=liver_box(patient.body, grid))


def render_image(
    spec: MriCohortSpec, patient: MriPatient, seen: LabelledVolume, image: MrImage
) -> UInt16[np.ndarray, "slice height width"]:
    """Render one image of a patient, from the tissues that `paint_image` gave for it."""
    scan = patient.scans[image]
    return render_mr(
        seen,
        patient.parenchyma,
        patient.factors,
        scan.reception,
        patient_generator(spec, patient.site, patient.number, stream=1 + IMAGES.index(image)),
    )


def patient_generator(
    spec: MriCohortSpec, site: int, number: int, *, stream: int
) -> np.random.Generator:
    """Give one of a patient's independent sources of randomness."""
    return np.random.default_rng([spec.seed, site, number, _MODALITY + stream])


def _draw_findings(rng: np.random.Generator) -> tuple[ImageFactors, Baseline]:
    """Draw image and clinic so that they agree where both see the same thing."""
    baseline = draw_baseline(rng)
    drawn = draw_factors(rng)
    factors = replace(
        drawn,
        thrombus=bool(baseline["tumour_thrombus"]),
        steatosis=_MILD_STEATOSIS * drawn.steatosis,
        lesion_count=drawn.lesion_count if baseline["multiple_tumours"] else 1,
        lipiodol=drawn.lipiodol and bool(baseline["pre_haic_treatment"]),
    )
    return factors, {**baseline, "largest_tumour_cm": read_size(factors.largest_mm, rng)}


def _draw_scans(
    spec: MriCohortSpec,
    scanner: MrScanner,
    body: Body,
    bolus: float,
    rng: np.random.Generator,
) -> dict[MrImage, MrScan]:
    """Draw times (Quan 2024, MRI: 20-30 s, 60-80 s and 180 s), breath holds and reception."""
    geometries = draw_geometries(spec, scanner.step_factor, body, rng)
    dual = float(rng.uniform(200.0, 280.0))
    seconds = {
        MrImage.T2_FSE: 0.0,
        **dict.fromkeys(DUAL_ECHO, dual),
        MrImage.T1_ARTERIAL: bolus + float(rng.uniform(20.0, 30.0)),
        MrImage.T1_PORTAL: bolus + float(rng.uniform(60.0, 80.0)),
        MrImage.T1_DELAYED: bolus + float(rng.uniform(175.0, 190.0)),
    }
    spread = spec.misregistration_mm * np.array([0.3, 0.3, 1.0, 1.0])
    field = draw_field(rng)
    scans: dict[MrImage, MrScan] = {}
    for image in IMAGES:
        if image is DUAL_ECHO[1]:
            # Both echoes of one excitation: same breath, same coil.
            first = scans[DUAL_ECHO[0]]
            scans[image] = replace(
                first, image=image, reception=replace(first.reception, image=image)
            )
            continue
        amount = 1.0 if image in DYNAMIC else _FREE_BREATHING
        moved = Displacement(*(float(v) for v in amount * spread * rng.standard_normal(4)))
        scans[image] = MrScan(
            image=image,
            displacement=Displacement() if image is MrImage.T1_ARTERIAL else moved,
            seconds=seconds[image],
            geometry=geometries[image],
            reception=Reception(
                image=image,
                coil=scanner.coil,
                gain=float(rng.uniform(*scanner.coil.gain)),
                field=field.disturbed(0.4, rng),
            ),
        )
    return scans
