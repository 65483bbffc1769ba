import subprocess
import sys

from shared.training.seeding import derive_generator, torch_seed, training_generator


def first_number(*purpose: int | str) -> int:
    return torch_seed(derive_generator(7, *purpose))


def test_one_purpose_always_gives_the_same_stream():
    assert first_number("training", 1, "a") == first_number("training", 1, "a")


def test_seed_round_and_site_each_change_the_stream():
    streams = {
        torch_seed(training_generator(seed, number, site))
        for seed in (0, 1)
        for number in (1, 2)
        for site in ("north", "south")
    }
    assert len(streams) == 8


def test_kinds_and_boundaries_of_words_count():
    assert len({first_number(1), first_number("1")}) == 2
    assert first_number("ab", "c") != first_number("a", "bc")


def test_another_process_derives_the_same_stream():
    code = (
        "from shared.training.seeding import derive_generator, torch_seed\n"
        "print(torch_seed(derive_generator(7, 'training', 1, 'Krankenhaus Süd')))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert int(answer.stdout) == first_number("training", 1, "Krankenhaus Süd")
