"""The error tree: every refusal says what was expected, what came, and what to do next.

Names end in ``Error``. A message never carries a patient identifier, a path inside a patient's
folder, or a pixel: case numbers and counts only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a problem matters."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Problem:
    """One thing wrong with something a person gave us.

    Attributes:
        where: What is wrong: a settings key, a row and column, a case number.
        got: What came.
        expected: What was expected.
        fix: What to do next, as an imperative sentence.
        level: An error excludes the item; a warning keeps it; info only tells.
    """

    where: str
    got: str
    expected: str
    fix: str
    level: Level = Level.ERROR

    def sentence(self) -> str:
        """Say the problem in one line."""
        return f"{self.where}: expected {self.expected}, got {self.got}. {self.fix}"


class HepafedError(Exception):
    """The root: anything HepaFed refuses on purpose.

    Attributes:
        exit_code: What the ``hepafed`` command exits with when this ends it.
    """

    exit_code = 1

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        """Keep the sentence and, where several things are wrong at once, all of them."""
        self.message = message
        self.problems = tuple(problems)
        super().__init__("\n".join([message, *(f"  - {p.sentence()}" for p in self.problems)]))


class SettingsError(HepafedError):
    """A settings file or option cannot be used; carries every problem found."""

    exit_code = 4


class ManifestError(HepafedError):
    """A manifest cannot be read as a table of patients at all."""

    exit_code = 4


class DicomError(HepafedError):
    """A file is not the DICOM object it should be."""


class VolumeError(DicomError):
    """Instances do not form one regular volume; the message says why in a radiographer's words."""


class PreparationError(HepafedError):
    """A study cannot become model input (a missing or ambiguous phase, no liver range)."""


class DataError(HepafedError):
    """A site's data cannot serve the run (one class only, nobody left)."""


class DeviceError(HepafedError):
    """An accelerator was asked for and cannot be used."""


class MessageError(HepafedError):
    """A message has a wrong shape, a missing field or a value that is not finite."""


class Refusal(StrEnum):
    """Why a site does not answer: the only words about a refusal that leave it."""

    FEW_PATIENTS = "few-patients"
    MANY_PARAMETERS = "many-parameters"
    NEEDS_MASKS = "needs-masks"
    SPENT = "spent"
    POLICY = "policy"


class DisclosureError(HepafedError):
    """Answering would disclose too much; the site's policy refuses.

    Attributes:
        refusal: Why, in a word that may leave the site; the sentence may not.
    """

    def __init__(
        self,
        message: str,
        problems: Sequence[Problem] = (),
        *,
        refusal: Refusal = Refusal.POLICY,
    ) -> None:
        """Keep the sentence, the problems and the word."""
        self.refusal = refusal
        super().__init__(message, problems)


class BudgetSpentError(HepafedError):
    """The privacy budget of this site's patients is spent; training stops."""


class QuorumError(HepafedError):
    """Too few sites answered; the message names whom the run waits for."""

    exit_code = 3


class RefusedError(QuorumError):
    """So many sites refuse a question that the rest is no quorum; asking again changes nothing."""


class CheckpointError(HepafedError):
    """A checkpoint is missing, damaged, or belongs to another run."""


class ReleaseError(HepafedError):
    """A release folder is incomplete, altered, or made by an incompatible version."""


class ConvergenceError(HepafedError):
    """An iterative fit did not converge; the message says how far it came."""
