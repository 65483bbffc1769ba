"""The command that predicts one study with a released model."""

from pathlib import Path
from typing import Annotated

import typer

from shared.report.console import Format, emit, say

FormatOption = Annotated[Format, typer.Option("--format", help="What to print on standard output.")]


def predict(
    release: Annotated[Path, typer.Argument(help="A release folder.")],
    study: Annotated[Path, typer.Argument(help="Folder with one patient's DICOM study.")],
    clinical: Annotated[
        Path | None,
        typer.Option(help="Clinical table with the patient's row, for a model that joins both."),
    ] = None,
    row: Annotated[
        int | None, typer.Option(help="The patient's row there, as a spreadsheet counts.")
    ] = None,
    value: Annotated[
        list[str] | None, typer.Option(help="Single clinical value, as in ast_u_l=56; repeatable.")
    ] = None,
    series: Annotated[
        list[str] | None,
        typer.Option(help="What a series is, as in 7=t1_portal or 4=portal; repeatable."),
    ] = None,
    overlays: Annotated[
        Path | None, typer.Option(help="Folder for heat maps, one PNG per phase or sequence.")
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
    """Predict the response of one patient from a DICOM study. Research use only.

    A model of MRI and clinic takes the patient's clinical values, too; those that are missing are
    put in as its training cohort's medians, and the answer names them.
    """
    from client.image_roles import Modality, phases, sequences
    from client.prediction.given_values import given_values
    from client.prediction.named_series import named_series
    from shared.errors import SettingsError
    from shared.release.haic_bundle import HaicRelease, read_any_release
    from shared.tasks.haic_prediction import predict_haic_study
    from shared.tasks.haic_prediction_record import haic_prediction_json, haic_prediction_text
    from shared.tasks.prediction import predict_study, prediction_json, prediction_text
    from shared.training.device import choose_device

    found = read_any_release(release)
    say("Research use only. Not a medical device.")
    values = given_values(clinical, row, value or [])
    chosen = choose_device(device)
    if isinstance(found, HaicRelease):
        joined = predict_haic_study(
            found,
            study,
            values,
            device=chosen,
            overlays_dir=overlays,
            liver_range_mm=liver_mm,
            roles=sequences(named_series(study, series or [], Modality.MR)),
        )
        emit(haic_prediction_json(joined), haic_prediction_text(joined), form)
        return
    if values:
        raise SettingsError(
            "Expected no clinical values, since the model sees images alone, got some. "
            "Leave out --clinical and --value."
        )
    prediction = predict_study(
        found,
        study,
        device=chosen,
        overlays_dir=overlays,
        liver_range_mm=liver_mm,
        roles=phases(named_series(study, series or [], Modality.CT)),
    )
    emit(prediction_json(prediction), prediction_text(prediction), form)
