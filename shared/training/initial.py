"""The network every site starts from: the same weights for the same seed."""

from pathlib import Path

import torch

from shared.models.study_network import NetworkSettings, StudyNetwork, build_network
from shared.training.pretrained import load_pretrained
from shared.training.seeding import derive_generator, torch_seed


def initial_network(
    settings: NetworkSettings, seed: int, pretrained: Path | None = None
) -> StudyNetwork:
    """Build the network of a run, before any training.

    Federated, pooled and local training of one seed start from this same network, so that their
    difference is not a difference of luck.

    Args:
        settings: Shape of the network.
        seed: Of the run.
        pretrained: A file of weights for the feature layers (``shared.training.pretrained``);
            random weights when not given.

    Returns:
        The network, on the CPU. Torch's global generator is left as it was.

    Raises:
        SettingsError: When the pretrained weights cannot be used.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(derive_generator(seed, "initial weights")))
        network = build_network(settings)
    if pretrained is not None:
        load_pretrained(network, pretrained)
    return network
