"""The researcher's commands: invented cohorts, federations on one machine, reports."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from shared.report.console import Format, emit, progress_printer, say

cohort = typer.Typer(no_args_is_help=True, help="Invented patients, written as real files.")
demo = typer.Typer(no_args_is_help=True, help="Everything at once, on invented hospitals.")

FormatOption = Annotated[Format, typer.Option("--format", help="What to print on standard output.")]


class EngineName(StrEnum):
    """Where a simulated federation runs."""

    IN_PROCESS = "in-process"
    RAY = "ray"


class Preset(StrEnum):
    """Which settings a simulated federation starts from."""

    PUBLISHED = "published"
    DEMO = "demo"


EngineOption = Annotated[
    EngineName,
    typer.Option(help="in-process (one machine, no fixed cost) or ray (Flower's engine)."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a run setting; may be repeated."),
]
WorkersOption = Annotated[int, typer.Option(help="Processes that prepare studies.")]


@cohort.command("synth")
def synth(
    out: Annotated[Path, typer.Argument(help="Folder to write; one folder per site.")],
    sites: Annotated[int, typer.Option(help="Hospitals.")] = 4,
    patients: Annotated[int, typer.Option(help="Patients per hospital.")] = 30,
    seed: Annotated[int, typer.Option(help="The same seed writes the same bytes.")] = 1,
    matrix: Annotated[int, typer.Option(help="Rows and columns of an image; papers: 512.")] = 96,
    slices: Annotated[int, typer.Option(help="Slices per phase.")] = 20,
    effect: Annotated[
        float, typer.Option(help="Strength of the image signal: 5 learns fast, 1 is realistic.")
    ] = 5.0,
    workers: WorkersOption = 2,
    form: FormatOption = Format.TEXT,
) -> None:
    """Write an invented CT cohort as DICOM with manifests, settings files and known truth."""
    from dataclasses import asdict

    from simulations.synthetic.cohort import write_cohort
    from simulations.synthetic.spec import CohortSpec, even_sites

    spec = CohortSpec(
        sites=even_sites(sites, patients),
        seed=seed,
        matrix=matrix,
        slices=slices,
        effect_scale=effect,
    )
    summary = write_cohort(
        spec, out, workers=workers, progress=progress_printer("writing invented patients")
    )
    lines = [
        f"{summary.patients} invented patients in {out}; Bayes AUC {summary.bayes_auc:.3f}.",
        *(
            f"  {site.name}: {site.patients} patients, {site.events} with objective response"
            for site in summary.sites
        ),
        f"Next: hepafed simulate {out} --out runs/mine",
    ]
    emit(asdict(summary) | {"folder": str(out)}, "\n".join(lines), form)


@cohort.command("synth-mri")
def synth_mri(
    out: Annotated[Path, typer.Argument(help="Folder to write; one folder per site.")],
    sites: Annotated[int, typer.Option(help="Hospitals.")] = 4,
    patients: Annotated[int, typer.Option(help="Patients per hospital.")] = 30,
    seed: Annotated[int, typer.Option(help="The same seed writes the same bytes.")] = 1,
    columns: Annotated[int, typer.Option(help="Columns of a T1 image; in life: 320.")] = 112,
    slices: Annotated[int, typer.Option(help="Slices of a T1 image; in life: 64.")] = 16,
    workers: WorkersOption = 2,
    form: FormatOption = Format.TEXT,
) -> None:
    """Write an invented MRI cohort with clinical tables as DICOM, CSV and known truth."""
    from dataclasses import asdict

    from simulations.synthetic.mri_cohort import write_mri_cohort
    from simulations.synthetic.mri_spec import MriCohortSpec, even_mri_sites

    spec = MriCohortSpec(even_mri_sites(sites, patients), seed, columns=columns, slices=slices)
    summary = write_mri_cohort(
        spec, out, workers=workers, progress=progress_printer("writing invented patients")
    )
    best = summary.bayes
    total = (
        f"{summary.patients} invented patients in {out}; Bayes AUC {best.image_only:.3f} from "
        f"images, {best.clinical_only:.3f} from clinical values, {best.fusion:.3f} from both."
    )
    lines = [
        total,
        *(
            f"  {site.name}: {site.patients} patients, {site.events} with progressive disease"
            for site in summary.sites
        ),
        f"Next: hepafed simulate {out} --out runs/mine",
    ]
    emit(asdict(summary) | {"folder": str(out)}, "\n".join(lines), form)


@demo.command("clici")
def demo_clici(
    out: Annotated[Path, typer.Option(help="Run folder.")] = Path("runs/demo"),
    seed: Annotated[int, typer.Option(help="Of the patients and the training.")] = 1,
    sites: Annotated[int, typer.Option(help="Hospitals.")] = 4,
    patients: Annotated[int, typer.Option(help="Patients per hospital.")] = 30,
    baselines: Annotated[
        bool, typer.Option(help="Also train pooled-central and each site alone.")
    ] = True,
    override: SetOption = None,
    workers: WorkersOption = 2,
    form: FormatOption = Format.TEXT,
) -> None:
    """Invent hospitals with CT, train together, evaluate, report, release, predict.

    Run it again with the same folder to go on after an interruption.
    """
    from simulations.demo import run_clici_demo

    say("HepaFed demo (clici). Invented patients; research use only.")
    result = run_clici_demo(
        out,
        seed=seed,
        sites=sites,
        patients_per_site=patients,
        overrides=_overrides(override),
        baselines=baselines,
        workers=workers,
    )
    emit(result.json(), result.text(), form)


@demo.command("haic")
def demo_haic(
    out: Annotated[Path, typer.Option(help="Run folder.")] = Path("runs/demo-haic"),
    seed: Annotated[int, typer.Option(help="Of the patients and the training.")] = 1,
    sites: Annotated[int, typer.Option(help="Hospitals, at least 3.")] = 3,
    patients: Annotated[
        int, typer.Option(help="Patients per hospital; five folds need about 80.")
    ] = 120,
    baselines: Annotated[
        bool, typer.Option(help="Also train pooled-central and each site alone.")
    ] = True,
    override: SetOption = None,
    workers: WorkersOption = 2,
    form: FormatOption = Format.TEXT,
) -> None:
    """Invent hospitals with MRI and clinical tables, train, join, evaluate, report, predict.

    Five networks give image features of patients they have not seen, a sixth those of the held-out
    patients. Then three models are compared: image alone, clinic alone, and both in a support
    vector machine; federated, pooled-central and each site alone.

    Read `report.html` in the run folder; its section on departures says where small slices, a small
    network and a strong signal stand in for the published setting. Run the command again with the
    same folder to go on after an interruption. For your own folders: `hepafed simulate`.
    """
    from simulations.haic.demo import run_haic_demo

    say("HepaFed demo (haic). Invented patients; research use only.")
    result = run_haic_demo(
        out,
        seed=seed,
        sites=sites,
        patients_per_site=patients,
        overrides=_overrides(override),
        baselines=baselines,
        workers=workers,
    )
    emit(result.json(), result.text(), form)


def simulate(  # the options of the command, one by one
    cohort_dir: Annotated[Path, typer.Argument(help="Folder of sites, each with a site.toml.")],
    out: Annotated[Path, typer.Option(help="Run folder; the same folder goes on.")],
    preset: Annotated[
        Preset, typer.Option(help="published settings, or the demo's for minutes without a GPU.")
    ] = Preset.PUBLISHED,
    override: SetOption = None,
    engine: EngineOption = EngineName.IN_PROCESS,
    baselines: Annotated[
        bool, typer.Option(help="Also train pooled-central and each site alone.")
    ] = True,
    compare_networks: Annotated[
        bool,
        typer.Option(
            "--compare-networks",
            help="Of MRI: also train AlexNet, ResNet-18 and InceptionV4 alike, for their losses.",
        ),
    ] = False,
    workers: WorkersOption = 2,
    form: FormatOption = Format.TEXT,
) -> None:
    """Train one federation over a cohort on this machine, evaluate, report and release.

    The study is that of `--set task=haic-mri` (MRI and clinical table) or `clici-ct` (CT); an
    invented cohort says itself which it is for. An interrupted run goes on from its last complete
    round when started again with the same folder and settings.
    """
    from shared.settings import parse_run_settings
    from simulations.any_study import preset_settings, run_any_study
    from simulations.study import StudyPlan

    chosen = _overrides(override)
    start = preset_settings(cohort_dir, chosen.get("task"), demo=preset is Preset.DEMO)
    plan = StudyPlan(
        cohort=cohort_dir,
        run_dir=out,
        settings=parse_run_settings({**start, **chosen}),
        engine="ray" if engine is EngineName.RAY else "in-process",
        baselines=baselines,
        workers=workers,
    )
    result = run_any_study(plan, compare_networks=compare_networks)
    emit(result.json(), result.text(), form)


def report(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    signature: Annotated[
        str | None,
        typer.Option(
            "--sign-off",
            metavar="NAME, ROLE",
            help="Sign the results of a run on MRI and clinic as they stand.",
        ),
    ] = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Write report.html, figures and tidy.csv of a finished run again.

    With --sign-off "NAME, ROLE" the page names who signed which results, and when; should the
    results change afterwards, the page says that they are no longer signed off.
    """
    from shared.report.sign_off import name_and_role, sign_off
    from shared.report.stored_report import write_stored_report

    if signature is not None:
        sign_off(run_dir, *name_and_role(signature))
    page = write_stored_report(run_dir)
    emit({"report": str(page)}, f"Report: {page}", form)


def _overrides(pairs: list[str] | None) -> dict[str, str | int | float | bool]:
    from shared.errors import Problem, SettingsError
    from shared.settings import default_config

    defaults = default_config()
    values: dict[str, str | int | float | bool] = {}
    problems = []
    for pair in pairs or []:
        key, equals, text = pair.partition("=")
        if not equals:
            problems.append(
                Problem(f"--set {pair}", "no '='", "KEY=VALUE", "Write --set rounds=6.")
            )
            continue
        values[key.strip()] = _typed(text.strip(), defaults.get(key.strip()))
    if problems:
        raise SettingsError("A setting cannot be read.", problems)
    return values


def _typed(text: str, default: str | float | bool | None) -> str | int | float | bool:
    if isinstance(default, bool):
        return {"true": True, "false": False}.get(text.lower(), text)
    if isinstance(default, int | float):
        for kind in (int, float):
            try:
                return kind(text)
            except ValueError:
                continue
    return text
