"""A site's part of the moments: counts and sums over parts of its patients."""

import numpy as np
from jaxtyping import Bool, Float64

from shared.aggregation.fixed_point import encode_sums
from shared.errors import DataError
from shared.fusion.folds import assign_folds, site_generator
from shared.fusion.standardize import chosen_columns, with_indicators
from shared.messages.moments import Moment, MomentsRequest, SiteColumns
from shared.messages.sums import SumReply
from shared.privacy.disclosure_rules import (
    MINIMUM_COUNT,
    refuse_small_cohort,
    refuse_small_parts,
    site_minimum,
)


def answer_moments(
    request: MomentsRequest,
    table: SiteColumns,
    site: str,
    *,
    minimum: int = MINIMUM_COUNT,
    masked: bool = False,
) -> SumReply:
    """Answer one request for moments.

    Args:
        request: What the server asks.
        table: The site's columns.
        site: The site's name, mixed into the folds.
        minimum: The site's minimum count, at least 5.
        masked: Whether a mask hides this share, so that only the total over sites is ever read.
            Without one, parts of 1 to 4 patients are refused.

    Returns:
        The site's share of the sums.

    Raises:
        DataError: When a column is missing or cannot be used, or a group is not of 0 and 1.
        DisclosureError: When the site, or (unmasked) one of its parts, has some patients, but
            fewer than the minimum.
        SettingsError: When the minimum is below 5.
    """
    matrix = chosen_columns(table, request.columns, request.logged)
    refuse_small_cohort(matrix.shape[0], site_minimum(minimum))
    indicated = np.isin(request.columns, request.indicated)
    parts = parts_of(request, table, site)
    if not masked and request.moment is not Moment.PRESENT:
        # The difference between everybody and a training part is a fold, so folds count too.
        exposed = [*parts, *(~members for members in parts)]
        present = ~np.isnan(matrix)
        refuse_small_parts(np.array([present[m].sum(axis=0) for m in exposed]), minimum)
    answers: dict[str, list[np.ndarray]] = {field.name: [] for field in request.sums}
    for part, members in enumerate(parts):
        medians = request.medians[part] if request.medians.size else None
        features = with_indicators(matrix, indicated, medians)
        for name, row in _row(request, part, features[members]).items():
            answers[name].append(row)
        if request.moment is Moment.PRESENT:
            happened = flags_of(table, request.event) if request.event else np.zeros(members.size)
            answers["patients"].append(np.asarray(members.sum()))
            answers["events"].append(np.asarray(np.sum(happened[members] == 1)))
    return SumReply(
        encode_sums(request.sums, {name: np.array(rows) for name, rows in answers.items()})
    )


def parts_of(
    request: MomentsRequest, table: SiteColumns, site: str
) -> list[Bool[np.ndarray, " patient"]]:
    """Choose the patients of each part."""
    if request.group:
        flags = flags_of(table, request.group)
        return [~flags, flags]
    everybody = np.ones(len(next(iter(table.values()))), dtype=bool)
    if not request.folds:
        return [everybody]
    rng = site_generator(request.seed, site)
    folds = assign_folds(flags_of(table, request.event), request.folds, rng)
    return [everybody, *(folds != fold for fold in range(request.folds))]


def flags_of(table: SiteColumns, name: str) -> Bool[np.ndarray, " patient"]:
    """Read a column of 0 and 1 as flags.

    Raises:
        DataError: When the column is missing or holds anything else.
    """
    if name not in table:
        raise DataError(f"Expected a column '{name}' of 0 and 1, got none. Add the column.")
    values = np.asarray(table[name])
    wrong = int(np.sum((values != 0) & (values != 1)))  # NaN is neither
    if wrong:
        raise DataError(
            f"Expected 0 or 1 in '{name}', got {wrong} other values. Correct those cells, or leave "
            "the patients out."
        )
    return np.asarray(values == 1)


def _row(
    request: MomentsRequest, part: int, features: Float64[np.ndarray, "patient feature"]
) -> dict[str, np.ndarray]:
    present = ~np.isnan(features)
    match request.moment:
        case Moment.PRESENT:
            return {"present": present.sum(axis=0)}
        case Moment.TOTAL:
            return {"present": present.sum(axis=0), "total": np.nansum(features, axis=0)}
        case Moment.SQUARES:
            return {"squares": np.nansum((features - request.centres[part]) ** 2, axis=0)}
        case Moment.BELOW:
            rows = [
                np.searchsorted(np.sort(column[~np.isnan(column)]), thresholds, side="right")
                for column, thresholds in zip(features.T, request.thresholds[part], strict=True)
            ]
            return {"below": np.array(rows)}
