"""The data manager's commands: bring studies in, check and review them."""

from pathlib import Path
from typing import Annotated

import typer

from client.prediction.commands import predict
from shared.report.console import Format, emit, progress_printer, say

__all__ = ["predict", "site"]

site = typer.Typer(
    no_args_is_help=True,
    help="A hospital's own side: bring studies in, draft the manifest, review, check.",
)

SettingsArgument = Annotated[Path, typer.Argument(help="The site's settings file, site.toml.")]
FormatOption = Annotated[Format, typer.Option("--format", help="What to print on standard output.")]
PhasesOption = Annotated[str, typer.Option(help="CT phases the model sees, separated by commas.")]
TaskOption = Annotated[
    str, typer.Option(help="clici-ct, or haic-mri: decides whether CT or MRI is read.")
]
_PHASES = "plain,arterial,portal"
_TASK = "clici-ct"


@site.command("ingest")
def ingest(
    settings: SettingsArgument,
    manifest_only: Annotated[
        bool, typer.Option("--manifest-only", help="Fetch patients of the manifest only.")
    ] = False,
    form: FormatOption = Format.TEXT,
) -> None:
    """Fetch studies from the archive named under [archive] into the site's DICOM folder.

    A folder, a ZIP, a DICOMweb server or a PACS. May be stopped and run again at any moment: what
    is complete is not fetched again.
    """
    from dataclasses import asdict

    from client.data_report import problem_table
    from client.ingest import ingest as fetch
    from client.site_settings import Needs, read_site_settings

    needs = {Needs.ARCHIVE, *([Needs.MANIFEST] if manifest_only else [])}
    site_settings = read_site_settings(settings, needs)
    if site_settings.archive is None:  # read_site_settings has refused it already
        raise typer.Exit(4)
    result = fetch(
        site_settings,
        site_settings.archive,
        manifest_only=manifest_only,
        progress=progress_printer(f"{site_settings.name}: fetching studies"),
    )
    if result.key.made and result.key.path:
        say(f"A secret key was made: {result.key.path}. Keep a copy; with another one everything")
        say("is fetched again under other names.")
    transfer = result.transfer
    summary = (
        f"{site_settings.name}: {result.wanted} of {result.listed} studies wanted, "
        f"{transfer.fetched} fetched, {transfer.already_complete} complete before, "
        f"{len(transfer.failures)} failed."
    )
    emit(
        {
            "listed": result.listed,
            "wanted": result.wanted,
            "fetched": transfer.fetched,
            "already_complete": transfer.already_complete,
            "failed": len(transfer.failures),
            "problems": [asdict(problem) for problem in result.problems],
        },
        "\n".join([summary, problem_table(result.problems)]),
        form,
    )


@site.command("scan")
def scan(
    settings: SettingsArgument,
    to: Annotated[
        Path | None, typer.Option(help="The draft's file; manifest.draft.csv beside site.toml.")
    ] = None,
    task: TaskOption = _TASK,
    phases: PhasesOption = _PHASES,
    form: FormatOption = Format.TEXT,
) -> None:
    """Read the DICOM folder and draft a manifest: one row per study, series marked as guesses.

    Fill in the responses, delete the '?' of the series you confirm, and save it as the manifest.
    """
    from contextlib import closing
    from dataclasses import asdict

    from client.catalogue import CatalogueStore
    from client.catalogue_update import update_catalogue
    from client.data_report import problem_table
    from client.image_run import wanted_roles
    from client.manifest_draft import draft_manifest, write_draft
    from client.site_settings import Needs, read_site_settings

    site_settings = read_site_settings(settings, {Needs.DICOM})
    wanted = wanted_roles(task, phases)
    path = to or settings.parent / "manifest.draft.csv"
    progress = progress_printer(f"{site_settings.name}: reading files")
    with closing(CatalogueStore(site_settings.work)) as store:
        catalogue = update_catalogue(store, site_settings.dicom, site_settings.images, progress)
        draft = draft_manifest(catalogue, store.series(), wanted)
    write_draft(draft, path)
    summary = (
        f"{site_settings.name}: {draft.studies} studies, {draft.guessed} series guessed, "
        f"{draft.open_roles} open. Draft: {path}"
    )
    emit(
        {
            "draft": str(path),
            "studies": draft.studies,
            "guessed": draft.guessed,
            "open": draft.open_roles,
            "problems": [asdict(problem) for problem in catalogue.problems],
        },
        "\n".join([summary, problem_table(catalogue.problems)]),
        form,
    )


@site.command("check")
def check(
    settings: SettingsArgument,
    task: TaskOption = _TASK,
    phases: PhasesOption = _PHASES,
    image_size: Annotated[int, typer.Option(help="Height and width of a CT slice, pixels.")] = 224,
    image_height: Annotated[int, typer.Option(help="Height of an MRI slice, pixels.")] = 320,
    image_width: Annotated[int, typer.Option(help="Width of an MRI slice, pixels.")] = 450,
    slices_per_patient: Annotated[
        int, typer.Option(help="Evenly spaced slices of what can be used; 0 takes all.")
    ] = 0,
    folds: Annotated[int, typer.Option(help="Of the cross-validation, for haic-mri.")] = 5,
    workers: Annotated[int, typer.Option(help="Studies prepared at the same time.")] = 2,
    form: FormatOption = Format.TEXT,
) -> None:
    """Read the site's DICOM and tables once and list every problem with its fix.

    Writes two reports into the site's work folder: report.private.html with images, not to be
    shared, and report.shareable.json with what will leave. Prepared images stay in the work folder
    and are used by training, so that checking twice is fast. Nothing leaves the machine.
    """
    from dataclasses import asdict

    from client.data_check import check_data
    from client.data_report import problem_table
    from client.image_run import image_run
    from client.secret_keys import cache_secret
    from client.site_settings import read_site_settings
    from shared.tasks.recipe import recipe_for

    site_settings = read_site_settings(settings)
    run = image_run(
        {
            "task": task,
            "phases": phases,
            "image-size": image_size,
            "image-height": image_height,
            "image-width": image_width,
            "slices-per-patient": slices_per_patient,
            "folds": folds,
        }
    )
    recipe = recipe_for(run)
    _, key = cache_secret(site_settings)
    if key.made:
        say(f"Prepared images are encrypted with a new key: {key.path}. To keep it apart from")
        say("them, move it and name it under [cache] as key_file.")
    checked = check_data(
        site_settings,
        run,
        recipe,
        workers=workers,
        progress=progress_printer(f"{site_settings.name}: preparing studies"),
    )
    prepared = checked.prepared
    say(f"Private report, do not share: {checked.private_report}")
    say(f"What will leave: {checked.shareable_report}")
    if checked.refusal is not None:
        raise checked.refusal
    events = sum(recipe.endpoint.is_event(case.row.response) for case in prepared.usable)
    summary = (
        f"{site_settings.name}: {len(prepared.usable)} patients usable "
        f"({events} with {recipe.endpoint.event}), {prepared.excluded} excluded."
    )
    emit(
        {
            "site": site_settings.name,
            "patients": len(prepared.usable),
            "events": events,
            "excluded": prepared.excluded,
            "private_report": str(checked.private_report),
            "shareable_report": str(checked.shareable_report),
            "problems": [asdict(problem) for problem in prepared.problems],
        },
        "\n".join([summary, problem_table(prepared.problems)]).rstrip(),
        form,
    )


site.command("data-check", hidden=True)(check)  # the name that some other programs use


@site.command("review")
def review(
    settings: SettingsArgument,
    page: Annotated[
        bool, typer.Option("--page", help="Open a page with pictures, on this machine only.")
    ] = False,
    port: Annotated[int, typer.Option(help="Of the page; 0 takes a free one.")] = 0,
    by: Annotated[str, typer.Option(help="Who answers; the login name if not given.")] = "",
    case: Annotated[int | None, typer.Option(help="Row of the manifest to answer for.")] = None,
    study: Annotated[int | None, typer.Option(help="Study number, if it has no row.")] = None,
    answer: Annotated[
        str, typer.Option(help="'4 portal', '4 none', 'liver -400 -250' or 'liver ok', unasked.")
    ] = "",
    task: TaskOption = _TASK,
    phases: PhasesOption = _PHASES,
    form: FormatOption = Format.TEXT,
) -> None:
    """Show what headers cannot decide, with the evidence, and store your answers.

    What every series is, and where the liver lies: an answer overrides headers and manifest and is
    stored with your name and the time.
    """
    import getpass
    import sys

    from client import review_terminal
    from client.image_run import wanted_roles
    from client.liver_review import one_study
    from client.review import studies_to_review
    from client.site_settings import Needs, read_site_settings

    site_settings = read_site_settings(settings, {Needs.DICOM})
    wanted = wanted_roles(task, phases)
    who = by or getpass.getuser()
    progress = progress_printer(f"{site_settings.name}: reading files")
    views = studies_to_review(site_settings, wanted, progress)
    if page:
        from client.review_server import serve_review

        serve_review(site_settings, wanted, who, port, say)
        return
    if answer:
        view = one_study(views, site_settings, wanted, case=case, number=study)
        review_terminal.answer(view, answer, site_settings.work, who)
        views = studies_to_review(site_settings, wanted)
    if case is not None or study is not None:
        views = (one_study(views, site_settings, wanted, case=case, number=study),)
    if form is Format.TEXT and not answer and sys.stdin.isatty():

        def prompt(label: str) -> str:
            return str(typer.prompt(label, default="", show_default=False))

        review_terminal.ask_about(views, site_settings.work, who, prompt, say)
        views = studies_to_review(site_settings, wanted)
    shown = [view for view in views if view.questions or case is not None or study is not None]
    texts = [*map(review_terminal.study_text, shown), review_terminal.summary_text(views)]
    emit(review_terminal.review_json(views), "\n\n".join(texts), form)


@site.command("rotate-key")
def rotate_key(
    settings: SettingsArgument,
    new_key_env: Annotated[
        str, typer.Option(help="Variable with the new key, where the old one is in one.")
    ] = "",
    form: FormatOption = Format.TEXT,
) -> None:
    """Encrypt the prepared images with a new key. May be stopped and run again."""
    from client.key_rotation import rotate_key as rotate
    from client.site_settings import read_site_settings

    done = rotate(read_site_settings(settings, frozenset()), new_key_env)
    emit(
        {"sealed": done.sealed, "removed": done.removed},
        f"{done.sealed} files have the new key; {done.removed} could not be opened and will be "
        "prepared again.",
        form,
    )


@site.command("manifest-schema")
def manifest_schema() -> None:
    """Print the JSON Schema of one row of the manifest."""
    import json

    from client.manifest_schema import manifest_schema as schema

    typer.echo(json.dumps(schema(), indent=2, ensure_ascii=False))
