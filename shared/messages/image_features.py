"""Image features: patients pass a network that has not seen them; the features stay at the site.

Order of exchanges: one ``ImageFeaturesRequest`` per fold of the cross-validation, then one for the
network of all development patients. Later requests carry the run's name, and the features are
columns of the site's table then.
"""

from dataclasses import dataclass

from shared.messages.training import Weights


@dataclass(frozen=True)
class ImageFeaturesRequest:
    """Ask a site to compute and keep image features.

    Attributes:
        run: Names the run's features at the site, 32 hexadecimal digits; other runs do not meet
            them.
        fold: k computes those of fold k with the network that left it out; 0 those of the
            held-out patients with the network of all training patients.
        folds: How many folds there are.
        seed: Of the run; the site derives its folds from it and its name.
        model_digest: Names the network; a site that keeps its features of this fold already
            does not compute them again.
        weights: The network.
    """

    run: str
    fold: int
    folds: int
    seed: int
    model_digest: str
    weights: Weights


@dataclass(frozen=True)
class ImageFeaturesReply:
    """What was computed.

    Attributes:
        patients: Patients whose features are kept; ``WITHHELD`` when they are few.
        seconds: Wall time.
    """

    patients: int
    seconds: float
