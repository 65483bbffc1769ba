"""How a site trains, as a value."""

from dataclasses import dataclass
from enum import StrEnum


class Optimizer(StrEnum):
    """Which rule changes the weights."""

    ADAM = "adam"
    SGD = "sgd"


class Loss(StrEnum):
    """How a logit of the event is compared with the outcome.

    ``SUMMED`` is the formula that Quan 2024 prints: binary cross-entropy summed over the two
    classes, which for two probabilities that sum to 1 is twice the softmax cross-entropy.
    """

    SOFTMAX = "softmax"
    SUMMED = "summed"


class Augmentation(StrEnum):
    """How training slices are changed at random."""

    NONE = "none"
    APPEARANCE = "appearance"
    """Rotation, blur, brightness, contrast and noise (Liao 2024, section 2.4)."""
    GEOMETRIC = "geometric"
    """Shift, rotation, flip and enlargement (Quan 2024, Methods)."""


@dataclass(frozen=True)
class TrainingSettings:
    """How a site trains; the defaults are those of Liao 2024, section 2.4.

    Attributes:
        batch_size: Slices per step.
        learning_rate: In the first round.
        halve_every: Rounds after which the learning rate halves; 0 never.
        augmentation: How slices are changed at random.
        copies: Times that each slice is seen in one pass, each time changed anew.
        optimizer: Adam or stochastic gradient descent.
        momentum: Of stochastic gradient descent.
        weight_decay: L2 on all weights.
        loss: What is minimised; reports give the softmax cross-entropy unless they say otherwise.
    """

    batch_size: int = 20
    learning_rate: float = 1e-4
    halve_every: int = 50
    augmentation: Augmentation = Augmentation.APPEARANCE
    copies: int = 1
    optimizer: Optimizer = Optimizer.ADAM
    momentum: float = 0.0
    weight_decay: float = 0.0
    loss: Loss = Loss.SOFTMAX
