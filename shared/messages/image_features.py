"""Image features: patients go through a network that has not seen them; features stay at the site.

Order of exchanges: one ``ImageFeaturesRequest`` per fold of the cross-validation, then one for the
network of all training patients. Later requests name the features as columns of the site's table.
"""

from dataclasses import dataclass

from shared.messages.training import Weights


@dataclass(frozen=True)
class ImageFeaturesRequest:
    """Ask a site to compute and keep image features.

    Attributes:
        run: Names the run's features at the site, hex; other runs do not meet them.
        fold: k computes those of fold k with the network that left it out; 0 those of the
            held-out patients with the network of all training patients.
        folds: How many folds there are.
        seed: Of the run; the site derives its folds from it and its name.
        weights: The network.
    """

    run: str
    fold: int
    folds: int
    seed: int
    weights: Weights


@dataclass(frozen=True)
class ImageFeaturesReply:
    """What was computed; withheld when small.

    Attributes:
        patients: Patients whose features are kept.
        seconds: Wall time.
    """

    patients: int
    seconds: float
