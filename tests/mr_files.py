"""Small MR series as DICOM files: a liver study as consoles write it, or parts of one."""

from dataclasses import replace

from ct_files import CtFiles, write_ct

_GRADIENT = {"ScanningSequence": "GR", "RepetitionTime": 4.0, "FlipAngle": 10.0, "EchoTime": 1.4}
_SPIN = {"ScanningSequence": "SE", "RepetitionTime": 3000.0, "FlipAngle": 110.0, "EchoTime": 85.0}
_MR = {"Modality": "MR", "ImageType": ["ORIGINAL", "PRIMARY", "M"], "MagneticFieldStrength": 3.0}

LIVER = CtFiles(patient_id="P1")
"""What all series of a study share; change it for another patient or study."""


def t1(number, description, *, of=LIVER, **extra) -> CtFiles:
    """Describe a T1 gradient echo; a minute lies between numbers."""
    return replace(
        of,
        number=number,
        description=description,
        acquired=f"10{number:02d}00",
        extra={**_MR, **_GRADIENT, **extra},
    )


def t2(number, description="T2 FSE", *, of=LIVER, **extra) -> CtFiles:
    """Describe a T2 fast spin echo."""
    return replace(t1(number, description, of=of), extra={**_MR, **_SPIN, **extra})


def liver_study(of=LIVER) -> tuple[CtFiles, ...]:
    """Describe the six series of a study, all named by their consoles."""
    pair = {"RepetitionTime": 140.0}
    return (
        t2(3, of=of),
        t1(4, "T1 opp-phase", of=of, EchoTime=1.15, **pair),
        t1(5, "T1 in-phase", of=of, EchoTime=2.3, **pair),
        t1(6, "T1 arterial", of=of),
        t1(7, "T1 portal", of=of),
        t1(9, "T1 delayed", of=of),
    )


def write_study(folder, series=None) -> None:
    """Write series, each into a folder of its own."""
    for one in liver_study() if series is None else series:
        write_ct(folder / f"{one.study_uid}-{one.number}", one)
