"""One federated round of the MRI study at the published size, on a CPU.

Two sites with invented slices of 5 x 320 x 450 score and train InceptionV4 as Quan 2024 describes,
one after the other, and their weights are averaged by patients. Only the number of slices is
small; every further one adds a step per copy. Run from the repository's root::

    python benchmarks/published_round.py --slices 4 --copies 1
"""

import argparse
import resource
import time

import numpy as np
import torch

from client.local_training import answer_training
from shared.cohort.patient import PreparedPatient
from shared.messages.training import TrainingReply, TrainingRequest, Weights
from shared.models.study_network import build_network
from shared.models.weights import load_arrays, to_arrays
from shared.settings import HAIC_MRI, RunSettings
from shared.tasks.recipe import recipe_for
from shared.training.initial import initial_network
from shared.vocabulary import Split

_SITES = ("north", "south")
_KIBIBYTE = 1024  # getrusage counts in KiB on Linux


def _patients(site: int, slices: int, shape: tuple[int, int, int]) -> list[PreparedPatient]:
    """Half of the slices of each outcome to train on, and one slice to choose the round."""
    rng = np.random.default_rng(site)
    splits = [Split.TRAINING, Split.TRAINING, Split.INNER_VALIDATION]
    counts = [slices - slices // 2, slices // 2, 1]
    return [
        PreparedPatient(
            case,
            event=case == 1,
            split=split,
            images=rng.standard_normal((count, *shape), dtype=np.float32),
        )
        for case, (split, count) in enumerate(zip(splits, counts, strict=True), start=1)
    ]


def _averaged(replies: list[TrainingReply]) -> Weights:
    total = sum(reply.training_patients for reply in replies)
    return {
        name: np.sum(
            [reply.weights[name] * (reply.training_patients / total) for reply in replies], axis=0
        ).astype(np.float32)
        for name in replies[0].weights
    }


def _told(stage: str, started: tuple[float, float]) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIBIBYTE
    cpu, wall = time.process_time() - started[0], time.perf_counter() - started[1]
    print(f"{stage:<42} {cpu:>9.1f} {wall:>9.1f} {peak:>9.0f}", flush=True)


def main() -> None:
    """Run the round and print what each part took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--slices", type=int, default=4, help="training slices of a site")
    parser.add_argument("--copies", type=int, default=1, help="10 as published")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    settings = RunSettings(task=HAIC_MRI, augmented_copies=chosen.copies)
    recipe = recipe_for(settings)
    shape = (5, settings.image_height, settings.image_width)
    print(f"{len(_SITES)} sites, {chosen.slices} training slices each, copies {chosen.copies}")
    print(f"{'':<42} {'CPU s':>9} {'wall s':>9} {'peak MB':>9}")
    weights = to_arrays(initial_network(recipe.network, settings.seed))
    request = TrainingRequest(1, 1, recipe.training.learning_rate, 0.0, settings.seed, weights)
    replies = []
    begun = (time.process_time(), time.perf_counter())
    for number, site in enumerate(_SITES):
        started = (time.process_time(), time.perf_counter())
        reply = answer_training(
            request,
            site,
            _patients(number, chosen.slices, shape),
            build_network(recipe.network),
            recipe.training,
            torch.device("cpu"),
        )
        replies.append(reply)
        _told(f"{site}: scoring and {reply.steps} steps, loss {reply.training_loss:.3f}", started)
    started = (time.process_time(), time.perf_counter())
    averaged = _averaged(replies)
    load_arrays(build_network(recipe.network), averaged)
    _told("averaging and loading", started)
    _told("the round", begun)
    sent = sum(array.nbytes for array in averaged.values()) / _KIBIBYTE**2
    print(f"Each site moves {sent:.0f} MB each way.")
    if not all(np.isfinite(array).all() for array in averaged.values()):
        raise SystemExit("The averaged weights are not finite.")


if __name__ == "__main__":
    main()
