"""How a site trains, as a value."""

from dataclasses import dataclass
from enum import StrEnum


class Optimizer(StrEnum):
    """Which rule changes the weights."""

    ADAM = "adam"
    SGD = "sgd"


class Schedule(StrEnum):
    """What lowers the learning rate from round to round."""

    HALVING = "halving"
    """Half after a number of rounds (Liao 2024, section 2.4)."""
    PLATEAU = "plateau"
    """A tenth after a number of rounds without a better loss (Quan 2024, Methods)."""


class Loss(StrEnum):
    """How a logit of the event is compared with the outcome.

    ``SUMMED`` is the formula that Quan 2024 prints: binary cross-entropy summed over the two
    classes, which for two probabilities that sum to 1 is twice the softmax cross-entropy
    (``shared.training.losses.minimised``).
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

    A learning rate belongs to its batch size. For SGD the linear scaling rule (Goyal 2017,
    "Accurate, Large Minibatch SGD", section 2.1) keeps their quotient: 0.01 at one slice per step
    (Quan 2024) is 0.08 at eight, at the same momentum. Adam's step does not grow with the batch,
    so the rule is not for Adam. Nothing here applies it; both numbers are set.

    Attributes:
        batch_size: Slices per step.
        learning_rate: In the first round.
        schedule: What lowers it afterwards.
        halve_every: Rounds after which ``HALVING`` halves it; 0 never.
        plateau_rounds: Rounds without a better loss after which ``PLATEAU`` takes a tenth.
        augmentation: How slices are changed at random.
        copies: Times that each slice is seen in one pass, each time changed anew.
        optimizer: Adam or stochastic gradient descent.
        momentum: Of stochastic gradient descent.
        weight_decay: L2 on all weights, biases and norm layers included.
        loss: What is minimised; reports give the softmax cross-entropy whatever is minimised.
    """

    batch_size: int = 20
    learning_rate: float = 1e-4
    schedule: Schedule = Schedule.HALVING
    halve_every: int = 50
    plateau_rounds: int = 10
    augmentation: Augmentation = Augmentation.APPEARANCE
    copies: int = 1
    optimizer: Optimizer = Optimizer.ADAM
    momentum: float = 0.0
    weight_decay: float = 0.0
    loss: Loss = Loss.SOFTMAX
