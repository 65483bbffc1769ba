"""From a recipe to the facts of a release, and from those facts back to a network and its input."""

from shared.cohort.endpoint import Endpoint
from shared.errors import MessageError, Problem, ReleaseError, SettingsError
from shared.models.multiphase_ct import MultiphaseCt, MultiphaseCtSettings
from shared.models.weights import load_arrays
from shared.release.bundle import Release
from shared.release.release_settings import (
    VOTE_THRESHOLD,
    EndpointFacts,
    EvaluationFacts,
    NetworkFacts,
    PreparationFacts,
    ProvenanceFacts,
    ReleaseSettings,
)
from shared.tasks.preparation_settings import PREPARATION_VERSION, CtPreparation
from shared.tasks.recipe import Recipe
from shared.vocabulary import CtPhase, RecistResponse


def release_settings(
    recipe: Recipe, provenance: ProvenanceFacts, evaluation: EvaluationFacts
) -> ReleaseSettings:
    """Write down a recipe as the facts of a release.

    Args:
        recipe: What was trained.
        provenance: Where the weights came from.
        evaluation: How they did.

    Returns:
        Settings for ``shared.release.bundle.write_release``.

    Raises:
        ReleaseError: If the study is not on CT.
    """
    endpoint, preparation, network = recipe.endpoint, recipe.preparation, recipe.network
    if not isinstance(preparation, CtPreparation) or not isinstance(network, MultiphaseCtSettings):
        raise ReleaseError(
            f"Expected a study on CT, got '{recipe.name}'. "
            "Write its release with its own function (shared.tasks.haic_release)."
        )
    return ReleaseSettings(
        task=recipe.name,
        source=recipe.source,
        endpoint=endpoint_facts(endpoint),
        class_order=(endpoint.no_event, endpoint.event),
        threshold=VOTE_THRESHOLD,
        preparation=PreparationFacts(
            version=preparation.version,
            phases=tuple(phase.value for phase in preparation.phases),
            image_size=preparation.image_size,
            slices_per_patient=preparation.slices_per_patient,
            window_level_hu=preparation.window_level_hu,
            window_width_hu=preparation.window_width_hu,
        ),
        network=NetworkFacts(
            backbone=network.backbone,
            norm=network.norm,
            attention=network.attention,
            heads=network.heads,
            hidden=network.hidden,
            dropout=network.dropout,
        ),
        provenance=provenance,
        evaluation=evaluation,
    )


def endpoint_facts(endpoint: Endpoint) -> EndpointFacts:
    """Write down the question of a study."""
    return EndpointFacts(
        name=endpoint.name,
        event=endpoint.event,
        no_event=endpoint.no_event,
        event_responses=tuple(
            response.value for response in RecistResponse if endpoint.is_event(response)
        ),
    )


def released_preparation(settings: ReleaseSettings) -> CtPreparation:
    """Give the preparation that a released model expects.

    Raises:
        ReleaseError: If this software prepares images in another way than the model was trained
            on.
    """
    facts = settings.preparation
    if facts.version != PREPARATION_VERSION:
        raise ReleaseError(
            f"Expected a model trained on images of preparation '{PREPARATION_VERSION}', got "
            f"'{facts.version}'. Install HepaFed {settings.provenance.hepafed}, which wrote the "
            "release, or train the model again."
        )
    return CtPreparation(
        phases=_phases(settings),
        image_size=facts.image_size,
        slices_per_patient=facts.slices_per_patient,
        window_level_hu=facts.window_level_hu,
        window_width_hu=facts.window_width_hu,
        version=facts.version,
    )


def released_network(release: Release) -> MultiphaseCt:
    """Build the network of a release, with its weights, on the CPU.

    Raises:
        ReleaseError: If the settings name an unknown network or the weights do not fit it.
    """
    facts = release.settings.network
    try:
        network = MultiphaseCt(
            MultiphaseCtSettings(
                phases=_phases(release.settings),
                backbone=facts.backbone,
                norm=facts.norm,
                attention=facts.attention,
                heads=facts.heads,
                hidden=facts.hidden,
                dropout=facts.dropout,
                classes=len(release.settings.class_order),
            )
        )
        load_arrays(network, release.weights)
    except (SettingsError, MessageError) as error:
        problems = error.problems or (
            Problem("network", error.message, "a network this software knows", "Check its version"),
        )
        raise ReleaseError(
            "The weights and the settings of the release do not fit together.", problems
        ) from error
    return network


def _phases(settings: ReleaseSettings) -> tuple[CtPhase, ...]:
    return tuple(CtPhase(word) for word in settings.preparation.phases)
