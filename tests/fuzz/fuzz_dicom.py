"""Damage thousands of DICOM files and hold the reader to an image or a sentence for each.

Run from the repository's root::

    python tests/fuzz/fuzz_dicom.py --files 10000 --seed 1
    python tests/fuzz/fuzz_dicom.py --seed 1 --case 4711 --keep /some/folder   # one again

Every file goes through scan, grouping, exclusion, phase naming, ordering and decoding in a worker
process that may not allocate more than 1 GB above its start nor spend more than 20 CPU seconds on
a file. The exit status is 1 if a file ended in anything but an image or a ``DicomError``. Files in
``../shared/dicom`` beside the repository are used too, where present.
"""
# ruff: noqa: T201  # a script run by hand prints its table

import argparse
import json
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from dicom_mutations import mutate
from dicom_seeds import Seed, collect_seeds

from shared.dicom.exclusion import ct_exclusion_reason, exclusion_reason
from shared.dicom.geometry import order_volume
from shared.dicom.header import InstanceHeader
from shared.dicom.pixels import decode_image
from shared.dicom.roles import decide_phases
from shared.dicom.scan import scan_files
from shared.dicom.series import CandidateSeries, group_series
from shared.errors import DicomError, VolumeError

LARGEST_ALLOCATION_BYTES = 2**30
CPU_SECONDS_PER_FILE = 20
_WALL_SECONDS_PER_BATCH = 1800
_FRAMES_TRIED = 2
_SHARE_OF_IMAGES = 0.85  # the others are plans, reports, waveforms and colour pictures
_LONG_ENOUGH_TO_SEARCH = 5
_MORE = Path(__file__).resolve().parents[3] / "shared" / "dicom"

NAMED = (
    "not DICOM",
    "left out while scanning",
    "series left out",
    "volume refused",
    "image refused",
)
USABLE = ("usable volume", "usable image")
DEFECTS = ("other exception", "crash", "too slow", "too much memory", "bad sentence", "bad values")


@dataclass(frozen=True)
class Result:
    """How one damaged file ended."""

    case: int
    seed_file: str
    mutation: str
    outcome: str
    sentence: str = ""


def read(path: Path, siblings: tuple[Path, ...]) -> tuple[str, str]:
    """Take one file, with images of its series, through the whole reader.

    Returns:
        The outcome and the sentence that names the reason.

    Raises:
        DicomError: Never; it is an outcome.
    """
    scan = scan_files([path, *siblings])
    for rejected in scan.rejected:
        if rejected.path == path:
            return "left out while scanning", rejected.reason
    own = [instance for instance in scan.instances if instance.path == path]
    if not own:
        return "not DICOM", "it does not start like DICOM"
    series = next(
        s for s in group_series(scan.instances) if any(i.path == path for i in s.instances)
    )
    decode_reason = _decode(own)
    is_ct_volume = series.head.modality == "CT" and siblings
    excluded = (ct_exclusion_reason if is_ct_volume else exclusion_reason)(series)
    if excluded is not None:
        return "series left out", excluded
    decide_phases([series])
    if not siblings:
        return ("image refused", decode_reason) if decode_reason else ("usable image", "")
    return _outcome_of_volume(series, decode_reason)


def _outcome_of_volume(series: CandidateSeries, decode_reason: str | None) -> tuple[str, str]:
    try:
        order_volume(series)
    except VolumeError as error:
        return "volume refused", error.message
    if decode_reason is not None:
        return "image refused", decode_reason
    return "usable volume", ""


def _decode(instances: list[InstanceHeader]) -> str | None:
    """Decode what the file holds, whatever comes of its series; give the reason of a refusal."""
    reason = None
    for instance in instances[:_FRAMES_TRIED]:
        if instance.samples != 1 or (instance.frames != 1 and instance.frame is None):
            continue
        if not instance.has_pixels:
            reason = "it has no pixels"
            continue
        try:
            values = decode_image(instance)
        except DicomError as error:
            reason = error.message
        else:
            if values.shape != (instance.rows, instance.columns) or values.dtype != np.float32:
                raise ArithmeticError("pixels of another shape or type than announced")
            if not np.isfinite(values).all():
                raise ArithmeticError("pixels that are no numbers")
    return reason


def run_case(seeds: list[Seed], seed: int, case: int, folder: Path) -> Result:
    """Damage one file and read it; everything follows from the two numbers."""
    rng = np.random.default_rng([seed, case])
    images = [one for one in seeds if one.is_grey_image]
    among = images if rng.random() < _SHARE_OF_IMAGES else seeds
    origin = among[int(rng.integers(len(among)))]
    mutation, raw = mutate(origin, rng)
    path = folder / "damaged.dcm"
    path.write_bytes(raw)
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS_PER_FILE)
    try:
        outcome, sentence = read(path, origin.siblings)
    except MemoryError:
        outcome, sentence = "too much memory", traceback.format_exc(limit=-4)
    except ArithmeticError as error:
        outcome, sentence = "bad values", f"{error}; {traceback.format_exc(limit=-2)}"
    except Exception:  # noqa: BLE001  # whatever escapes the reader is what this script looks for
        outcome, sentence = "other exception", traceback.format_exc(limit=-6)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if "MemoryError" in sentence:
        outcome = "too much memory"
    if outcome not in DEFECTS + USABLE and not _is_sentence(sentence, path, origin):
        outcome = "bad sentence"
    return Result(case, origin.name, mutation, outcome, sentence)


def _is_sentence(text: str, path: Path, origin: Seed) -> bool:
    """Tell whether a reason says something and says nothing about the patient or the disk."""
    patient = origin.patient_id if len(origin.patient_id) >= _LONG_ENOUGH_TO_SEARCH else None
    told = (path.name, str(path.parent), *([patient] if patient else []))
    return bool(re.search(r"\w\w", text)) and not any(secret in text for secret in told)


def work(options: argparse.Namespace) -> None:
    """Run the cases of one batch and tell each before and after on standard output."""
    seeds = collect_seeds(options.work, options.more)
    own = Path(tempfile.mkdtemp(prefix="fuzz-", dir=options.work))
    size_now = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = size_now * resource.getpagesize() + LARGEST_ALLOCATION_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for case in range(options.first, options.last):
        print(json.dumps({"start": case}), flush=True)
        result = run_case(seeds, options.seed, case, own)
        print(json.dumps({"result": asdict(result)}), flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"peak_kib": peak, "cpu_s": time.process_time()}), flush=True)


def batches(options: argparse.Namespace, peaks: list[dict[str, float]]) -> Iterator[Result]:
    """Run all cases in worker processes, going on behind the one that ended a worker."""
    at = 0
    while at < options.files:
        last = min(at + options.batch, options.files)
        command = [sys.executable, __file__, "--work", str(options.work), "--seed"]
        command += [str(options.seed), "--first", str(at), "--last", str(last)]
        command += ["--more", str(options.more)]
        ended, started = at, None
        with tempfile.TemporaryFile("w+", encoding="utf-8") as told:
            try:
                status = subprocess.run(
                    command, stdout=told, stderr=subprocess.DEVNULL, check=False,
                    timeout=_WALL_SECONDS_PER_BATCH,
                ).returncode  # fmt: skip
            except subprocess.TimeoutExpired:
                status = -signal.SIGPROF
            told.seek(0)
            for line in told:
                record = json.loads(line)
                if "start" in record:
                    started = record["start"]
                elif "result" in record:
                    yield Result(**record["result"])
                    ended = record["result"]["case"] + 1
                else:
                    peaks.append(record)
        if status == 0:
            at = last
            continue
        case = at if started is None else started
        kind = "too slow" if status == -signal.SIGPROF else "crash"
        yield Result(case, "?", "?", kind, f"the worker ended with status {status}")
        at = max(case, ended) + 1


def report(results: list[Result], peaks: list[dict[str, float]], seconds: float) -> None:
    """Print counts by outcome, by damage, and every defect."""
    outcomes = Counter(result.outcome for result in results)
    print(f"{len(results)} damaged files in {seconds:.0f} s")
    for name in (*USABLE, *NAMED, *DEFECTS):
        print(f"  {name:<26}{outcomes.get(name, 0):>7}")
    usable = Counter(r.mutation for r in results if r.outcome in USABLE)
    print("  damage: files, of them usable")
    for mutation, count in sorted(Counter(r.mutation for r in results).items()):
        print(f"  {mutation:<26}{count:>7}{usable.get(mutation, 0):>7}")
    if peaks:
        largest = max(record["peak_kib"] for record in peaks) / 1024
        print(f"  largest resident memory of a worker: {largest:.0f} MB")
        print(f"  CPU seconds: {sum(record['cpu_s'] for record in peaks):.0f}")
    for result in results:
        if result.outcome in DEFECTS:
            print(
                f"\ncase {result.case}: {result.outcome}: {result.mutation} of {result.seed_file}"
            )
            print(result.sentence)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=int, default=500, help="files per worker process")
    parser.add_argument("--more", type=Path, default=_MORE, help="folder of further seed files")
    parser.add_argument("--work", type=Path, help="folder for synthetic seeds, kept")
    parser.add_argument("--case", type=int, help="run one case in this process")
    parser.add_argument("--keep", type=Path, help="with --case: folder to keep its file in")
    parser.add_argument("--results", type=Path, help="write one JSON line per file here")
    parser.add_argument("--first", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--last", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def _run_all(options: argparse.Namespace) -> list[Result]:
    started = time.perf_counter()
    peaks: list[dict[str, float]] = []
    results = []
    for result in batches(options, peaks):
        results.append(result)
        if result.outcome in DEFECTS:
            print(f"case {result.case}: {result.outcome}", flush=True)
    report(results, peaks, time.perf_counter() - started)
    if options.results is not None:
        lines = (json.dumps(asdict(result)) for result in results)
        options.results.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return results


def main() -> int:
    """Run the batches, or one case again."""
    options = _options()
    if options.first is not None:
        work(options)
        return 0
    with tempfile.TemporaryDirectory(prefix="hepafed-fuzz-") as temporary:
        options.work = options.work or Path(temporary)
        options.work.mkdir(parents=True, exist_ok=True)
        seeds = collect_seeds(options.work, options.more)
        if options.case is not None:
            result = run_case(seeds, options.seed, options.case, options.keep or options.work)
            print(json.dumps(asdict(result), indent=1))
            return int(result.outcome in DEFECTS)
        print(f"{len(seeds)} seed files", flush=True)
        return int(any(result.outcome in DEFECTS for result in _run_all(options)))


if __name__ == "__main__":
    sys.exit(main())
