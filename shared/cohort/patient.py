"""A patient as the model sees one: slices, an outcome, a split, and a case number."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from shared.vocabulary import Split


@dataclass(frozen=True)
class PreparedPatient:
    """One patient, prepared for training or evaluation.

    Attributes:
        case: Number of the patient at this site (row of the manifest, from 1). Means nothing
            outside the site.
        event: Whether the endpoint's event happened.
        split: What the patient serves for.
        images: Model input: CT in [0, 1]; MRI with mean 0 and standard deviation 1 in the body.
            May be memory-mapped and read-only.
    """

    case: int
    event: bool
    split: Split
    images: Float32[np.ndarray, "slice channel height width"]
