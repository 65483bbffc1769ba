"""The liver's range that a person may sign: what the manifest's mask says, or a proposal."""

from collections.abc import Sequence
from dataclasses import replace

from client.catalogue_update import headers_of
from client.image_roles import reference_of
from client.liver_of_study import range_of_mask, space_of
from client.review import StudyView
from client.review_answers import find_study
from client.site_settings import SiteSettings
from shared.vocabulary import ImageRole


def one_study(
    views: Sequence[StudyView],
    site: SiteSettings,
    roles: Sequence[ImageRole],
    *,
    case: int | None = None,
    number: int | None = None,
) -> StudyView:
    """Give the study of a case or catalogue number with all that can be signed in it.

    Args:
        views: From ``studies_to_review``.
        site: The hospital's settings.
        roles: Phases or sequences that the model needs.
        case: Row of the manifest.
        number: In the catalogue, where no case is given.

    Raises:
        HepafedError: If there is no such study, or its mask cannot be read.
    """
    return with_mask(find_study(views, case=case, number=number), site, roles)


def with_mask(view: StudyView, site: SiteSettings, roles: Sequence[ImageRole]) -> StudyView:
    """Show the range of the manifest's mask where neither a person nor the manifest gives heights.

    Args:
        view: The study.
        site: The hospital's settings.
        roles: Phases or sequences that the model needs.

    Returns:
        The study with its mask's range, unconfirmed; as it was where there is nothing to read.

    Raises:
        HepafedError: If the mask cannot be read or fits no series of the study.
    """
    if view.liver is not None or view.liver_mask is None:
        return view
    said = {
        one.volume_id: one.role
        for one in view.series
        if one.role is not None and one.confidence >= 1
    }
    space = space_of(headers_of(view.study, site.dicom), reference_of(roles), said, site.images)
    return replace(view, liver=range_of_mask(view.liver_mask, space))
