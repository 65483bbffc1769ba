"""What may be released: minimum counts, complementary suppression, limits on questions.

Sources: the rules follow DataSHIELD's disclosure settings (Gaye 2014, Int J Epidemiol 43:
``nfilter.tab``, ``nfilter.glm``) with a minimum of 5 instead of 3, and Hundepool 2012,
"Statistical Disclosure Control", chapter 4, for complementary suppression.
"""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, Int

from shared.errors import DisclosureError, Refusal, SettingsError

MINIMUM_COUNT = 5
"""A count from 1 to 4 could be recognised; a site may ask for more, never for less."""

PARAMETER_SHARE = 1 / 3
"""Largest number of fitted parameters per patient (DataSHIELD ``nfilter.glm``, 0.33)."""


def site_minimum(asked: int) -> int:
    """Check a site's own minimum count: it may be raised, not lowered.

    Args:
        asked: What the site's policy says.

    Returns:
        The same number.

    Raises:
        SettingsError: When it is below ``MINIMUM_COUNT``.
    """
    if asked < MINIMUM_COUNT:
        raise SettingsError(
            f"Expected a minimum count of at least {MINIMUM_COUNT}, got {asked}. "
            "A site may raise it, not lower it."
        )
    return asked


def may_release_count(count: int, minimum: int = MINIMUM_COUNT) -> bool:
    """Say whether a count may be released: 0, or at least the minimum."""
    return count == 0 or count >= minimum


def may_release_parts(parts: Iterable[int], minimum: int = MINIMUM_COUNT) -> bool:
    """Say whether counts that add up to a known total may all be released.

    With the total known, one withheld part of two is known too, so it is all or nothing.

    Args:
        parts: Disjoint counts.
        minimum: Smallest count above 0 that may be released.

    Returns:
        Whether every part is 0 or at least the minimum.
    """
    return all(may_release_count(part, minimum) for part in parts)


def may_release_auc(events: int, no_events: int, minimum: int = MINIMUM_COUNT) -> bool:
    """Say whether one site's AUC may be released: enough patients in both classes.

    With a single patient in a class the AUC is that patient's rank.
    """
    return min(events, no_events) >= minimum


def suppressed_cells(
    table: Int[np.ndarray, "row column"], minimum: int = MINIMUM_COUNT
) -> Bool[np.ndarray, "row column"]:
    """Choose the cells of a table that must not be shown beside its margins.

    Cells from 1 to the minimum less one go first. A withheld cell that stands alone in its row or
    column is the margin minus the rest, so the smallest shown cell beside it goes as well, until
    no line has exactly one; zeros are kept as partners only where nothing else is left. Last, if
    the withheld cells of a line add up to less than the minimum, one more goes: their sum is
    known from the margin.

    Args:
        table: Counts, at least 0. A one-row or one-column table has one known margin only.
        minimum: Smallest count above 0 that may be shown.

    Returns:
        True where a cell is withheld.
    """
    hidden = (table > 0) & (table < minimum)
    changed = bool(hidden.any())
    while changed:
        changed = False
        for counts, mask in _lines(table, hidden):
            shown = np.flatnonzero(~mask)
            alone = mask.sum() == 1 or (mask.any() and counts[mask].sum() < minimum)
            if alone and shown.size:
                # A partner of 0 hides nothing, so it is the last choice.
                order = np.where(counts[shown] > 0, counts[shown], np.iinfo(np.int64).max)
                mask[shown[int(np.argmin(order))]] = True
                changed = True
    return hidden


def refuse_small_cohort(patients: int, minimum: int = MINIMUM_COUNT) -> None:
    """Refuse a question about too few patients.

    Raises:
        DisclosureError: When there are fewer than the minimum, but not none.
    """
    if not may_release_count(patients, minimum):
        raise DisclosureError(
            f"Expected a question about at least {minimum} patients of this site, got one about "
            "fewer. Widen the question.",
            refusal=Refusal.FEW_PATIENTS,
        )


def refuse_small_parts(counts: Int[np.ndarray, "..."], minimum: int = MINIMUM_COUNT) -> None:
    """Refuse to sum values over parts of a site that hold a few patients only.

    A sum over one patient is that patient's value; the part is also what is left when a larger
    sum is compared with a smaller one.

    Args:
        counts: Patients with a value, per part and column, of this site alone.
        minimum: Smallest number above 0 a part may hold.

    Raises:
        DisclosureError: When a part holds from 1 to the minimum less one.
    """
    small = int(np.count_nonzero((counts > 0) & (counts < minimum)))
    if small:
        raise DisclosureError(
            f"Expected every part of this site's patients to hold none or at least {minimum} with "
            f"a value, got {small} smaller parts. Use fewer folds or wider groups, or masked sums.",
            refusal=Refusal.FEW_PATIENTS,
        )


def refuse_differenced_question(
    earlier: Iterable[frozenset[int]], now: frozenset[int], minimum: int = MINIMUM_COUNT
) -> None:
    """Refuse a question whose cohort differs from an earlier one by a few patients.

    The difference of the two answers would be the answer about those few.

    Args:
        earlier: Case numbers of every cohort the same question was answered for.
        now: Case numbers of the cohort that asks this time.
        minimum: Smallest difference that may be asked for; no difference is fine.

    Raises:
        DisclosureError: When a difference has from 1 to the minimum less one patients.
    """
    for before in earlier:
        changed = len(before ^ now)
        if not may_release_count(changed, minimum):
            raise DisclosureError(
                f"Expected the cohort to be unchanged or to differ by at least {minimum} patients "
                "from the last one this question was answered for, got a smaller change. "
                "Ask again when more patients were added."
            )


def refuse_many_parameters(parameters: int, patients: int, share: float = PARAMETER_SHARE) -> None:
    """Refuse to fit so many parameters that the fit describes the patients one by one.

    Args:
        parameters: Coefficients of the model, the intercept included.
        patients: Patients in the fit.
        share: Largest number of parameters per patient.

    Raises:
        DisclosureError: When there are more.
    """
    if parameters > share * patients:
        raise DisclosureError(
            f"Expected at most {int(share * patients)} parameters for {patients} patients, got "
            f"{parameters}. Choose fewer variables, or pool more patients.",
            refusal=Refusal.MANY_PARAMETERS,
        )


def _lines(
    table: Int[np.ndarray, "row column"], hidden: Bool[np.ndarray, "row column"]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pair the counts of each row and column with a writable view of its mask."""
    rows = [(table[i], hidden[i]) for i in range(table.shape[0])] if table.shape[1] > 1 else []
    columns = (
        [(table[:, j], hidden[:, j]) for j in range(table.shape[1])] if table.shape[0] > 1 else []
    )
    return rows + columns
