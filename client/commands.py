"""The data manager's commands: check a site's data, predict one study."""

from pathlib import Path
from typing import Annotated

import typer

from shared.report.console import Format, emit, progress_printer, say

site = typer.Typer(no_args_is_help=True, help="A hospital's own side: check its data.")

FormatOption = Annotated[Format, typer.Option("--format", help="What to print on standard output.")]


@site.command("check")
def check(
    settings: Annotated[Path, typer.Argument(help="The site's settings file, site.toml.")],
    phases: Annotated[
        str, typer.Option(help="CT phases the model sees, separated by commas.")
    ] = "plain,arterial,portal",
    image_size: Annotated[int, typer.Option(help="Height and width of a slice, pixels.")] = 224,
    slices_per_patient: Annotated[
        int, typer.Option(help="Evenly spaced slices of the liver range; 0 takes all.")
    ] = 0,
    workers: Annotated[int, typer.Option(help="Studies prepared at the same time.")] = 2,
    form: FormatOption = Format.TEXT,
) -> None:
    """Read the site's DICOM and manifest once and list every problem with its fix.

    Prepared images stay in the site's work folder and are used by training, so that checking twice
    is fast. Nothing leaves the machine.
    """
    from dataclasses import asdict

    from client.dataset import open_site, problem_table
    from client.site_settings import read_site_settings
    from shared.settings import parse_run_settings
    from shared.tasks.recipe import recipe_for

    site_settings = read_site_settings(settings)
    run = parse_run_settings(
        {
            "phases": phases,
            "image-size": image_size,
            "slices-per-patient": slices_per_patient,
        }
    )
    recipe = recipe_for(run)
    data = open_site(
        site_settings,
        run,
        recipe.preparation,
        recipe.endpoint,
        workers=workers,
        progress=progress_printer(f"{site_settings.name}: preparing studies"),
    )
    events = sum(patient.event for patient in data.patients)
    summary = (
        f"{site_settings.name}: {len(data.patients)} patients usable "
        f"({events} with {recipe.endpoint.event}), {data.excluded} excluded."
    )
    emit(
        {
            "site": site_settings.name,
            "patients": len(data.patients),
            "events": events,
            "excluded": data.excluded,
            "problems": [asdict(problem) for problem in data.problems],
        },
        "\n".join([summary, problem_table(data.problems)]).rstrip(),
        form,
    )


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
