"""What the road from DICOM files to model input costs, beside a bare decoder and a plain script.

Run from the repository's root; each line of the table is measured in a process of its own, because
peak memory never falls within one::

    python benchmarks/ingest.py                      # three phases of 60 slices of 512 x 512
    python benchmarks/ingest.py --syntax jpeg-2000 rle --json
    python benchmarks/ingest.py --study FOLDER       # one real study, as it is; nothing is copied

CPU seconds are the least of the repetitions, imports and the first reading from disk left out. A
site's workers import this script, as they would import any program that starts them, so everything
heavy is imported where it is used: their start then costs what it costs under ``hepafed``.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from ingest_cost import COMPRESSED, REFERENCE, Cost

_Answer = TypeVar("_Answer")


def _alone(work: Callable[..., _Answer], *arguments: object) -> _Answer:
    """Work in a fresh process; even writing, since a child's peak starts at its parent's."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def _costs(options: argparse.Namespace, folder: Path) -> Iterator[Cost]:
    # Not at the top, which every worker process of a site executes.
    from ingest_roads import ROADS, measure, measure_site  # noqa: PLC0415
    from ingest_studies import compress, write_site, write_study  # noqa: PLC0415

    studies = {"as it is": options.study}
    if options.study is None:
        plain = _alone(write_study, folder / "none", options.matrix, options.slices)
        studies = {"none": plain}
        for syntax in options.syntax:
            if syntax != "none":
                studies[syntax] = _alone(compress, plain, folder / syntax, COMPRESSED[syntax])
    for stored, study in studies.items():
        for road in ROADS:
            yield _alone(measure, study, stored, road, options.repeats)
    if options.study is None and options.patients:
        stored = list(studies)[-1]
        site = _alone(write_site, studies[stored], folder / "site", options.patients)
        for workers in (1, 2):
            yield _alone(measure_site, site, stored, workers)


def _print_table(costs: Sequence[Cost]) -> None:
    reference = {cost.study: cost.cpu_seconds for cost in costs if cost.road == REFERENCE}
    first_site = next((cost for cost in costs if cost.road.endswith(" 1 worker")), None)
    print(f"{'compression':<12} {'road':<26} {'CPU s':>7} {'ratio':>6} {'wall s':>7} {'MB':>6}")
    for cost in costs:
        of = reference[cost.study]
        if cost.road.startswith("site") and first_site is not None:
            of = first_site.cpu_seconds
        print(
            f"{cost.study:<12} {cost.road:<26} {cost.cpu_seconds:>7.3f} "
            f"{cost.cpu_seconds / of:>6.2f} {cost.wall_seconds:>7.2f} {cost.peak_memory_mb:>6.0f}"
        )
    by_road = {(cost.study, cost.road): cost.cpu_seconds for cost in costs}
    for study in reference:
        gain = by_road[study, "ours, every slice"] / by_road[study, "ours, from the cache"]
        print(f"{study}: the cache is {gain:.0f} times faster than DICOM")
    last = costs[-1]
    if first_site is not None:
        gain = first_site.wall_seconds / last.wall_seconds
        print(f"two workers: {gain:.2f} times faster by the clock; load {os.getloadavg()[0]:.1f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--study", type=Path, help="folder of one three-phase study")
    parser.add_argument("--matrix", type=int, default=512, help="rows and columns")
    parser.add_argument("--slices", type=int, default=60, help="per phase")
    known = ["none", *COMPRESSED]
    parser.add_argument("--syntax", nargs="+", choices=known, default=["none", "jpeg-2000"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--patients", type=int, default=6, help="of the site; 0 leaves it out")
    parser.add_argument("--json", action="store_true", help="one JSON record per line")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hepafed-ingest-") as folder:
        costs = []
        for cost in _costs(options, Path(folder)):
            costs.append(cost)
            if options.json:
                print(json.dumps(asdict(cost)), flush=True)
    if not options.json:
        _print_table(costs)


if __name__ == "__main__":
    main()
