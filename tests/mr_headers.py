"""Headers of MR series as values, in the styles of four vendors."""

from dataclasses import replace
from pathlib import Path

from shared.dicom.header import InstanceHeader
from shared.dicom.mr_parameters import MrParameters
from shared.dicom.series import CandidateSeries

_GRADIENT_3T = MrParameters(
    scanning=("GR",), repetition_ms=4.0, flip_degrees=10.0, field_tesla=3.0, volumetric=True
)
_SPIN_3T = MrParameters(
    scanning=("SE",), repetition_ms=3000.0, flip_degrees=110.0, echo_train=16, field_tesla=3.0
)


def t1(number, description="", *, start="100000", echo_ms=1.4, mr=(), **header) -> CandidateSeries:
    """Make a T1 gradient echo of four slices."""
    parameters = replace(_GRADIENT_3T, **dict(mr))
    return _series(number, description, start, echo_ms, parameters, header)


def t2(number, description="", *, start="100000", echo_ms=85.0, mr=(), **header) -> CandidateSeries:
    """Make a T2 fast spin echo of four slices."""
    parameters = replace(_SPIN_3T, **dict(mr))
    return _series(number, description, start, echo_ms, parameters, header)


def _seconds(time: str) -> float:
    return int(time[:2]) * 3600.0 + int(time[2:4]) * 60.0 + float(time[4:])


def _series(number, description, start, echo_ms, mr, header) -> CandidateSeries:
    bolus = header.pop("bolus", None)
    first = InstanceHeader(
        path=Path("x"),
        patient_id="P1",
        study_uid="2.25.1",
        series_uid=f"2.25.1.{number}",
        sop_uid=f"2.25.1.{number}.1",
        sop_class="1.2.840.10008.5.1.4.1.1.4",
        transfer_syntax="1.2.840.10008.1.2.1",
        frame_of_reference="2.25.2",
        modality="MR",
        manufacturer="",
        image_type=("ORIGINAL", "PRIMARY", "M"),
        description=description,
        protocol="",
        body_part="ABDOMEN",
        kernel="",
        series_number=number,
        instance_number=1,
        acquisition_number=1,
        temporal_position=None,
        echo_number=1,
        echo_time_ms=echo_ms,
        acquired_s=_seconds(start),
        series_s=_seconds(start),
        bolus_start_s=None if bolus is None else _seconds(bolus),
        bolus_agent="",
        burned_in=False,
        frames=1,
        rows=256,
        columns=320,
        samples=1,
        bits_allocated=16,
        bits_stored=12,
        high_bit=11,
        signed=False,
        photometric="MONOCHROME2",
        position_mm=(0.0, 0.0, 0.0),
        orientation=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
        pixel_spacing_mm=(1.2, 1.2),
        slice_thickness_mm=3.0,
        has_pixels=True,
        damage="",
        mr=mr,
    )
    first = replace(first, **header)
    slices = tuple(
        replace(first, sop_uid=f"{first.sop_uid}{z}", position_mm=(0.0, 0.0, 3.0 * z))
        for z in range(4)
    )
    return CandidateSeries(first.series_uid, slices)
