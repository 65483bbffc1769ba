"""The command that predicts one study with a released model."""

from pathlib import Path
from typing import Annotated

import typer

from shared.report.console import Format, emit, say

FormatOption = Annotated[Format, typer.Option("--format", help="What to print on standard output.")]


def predict(
    release: Annotated[Path, typer.Argument(help="A release folder.")],
    study: Annotated[Path, typer.Argument(help="Folder with one patient's DICOM study.")],
    overlays: Annotated[
        Path | None, typer.Option(help="Folder for heat maps, one PNG per phase.")
    ] = None,
    liver_mm: Annotated[
        tuple[float, float] | None,
        typer.Option(
            help="Patient z of the liver's lower and upper end; every slice if not given."
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    form: FormatOption = Format.TEXT,
) -> None:
    """Predict the response of one patient from a DICOM study. Research use only."""
    from shared.release.bundle import read_release
    from shared.tasks.prediction import predict_study, prediction_json, prediction_text
    from shared.training.device import choose_device

    found = read_release(release)
    say("Research use only. Not a medical device.")
    prediction = predict_study(
        found,
        study,
        device=choose_device(device),
        overlays_dir=overlays,
        liver_range_mm=liver_mm,
    )
    emit(prediction_json(prediction), prediction_text(prediction), form)
