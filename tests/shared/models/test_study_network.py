import pytest

from shared.models.mri_scores import MriScores, MriScoresSettings
from shared.models.multiphase_ct import MultiphaseCt, MultiphaseCtSettings
from shared.models.study_network import build_network
from shared.vocabulary import CtPhase


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        (MultiphaseCtSettings(phases=(CtPhase.PORTAL,)), MultiphaseCt),
        (MriScoresSettings(width=0.05, blocks=(1, 1, 1)), MriScores),
    ],
)
def test_each_studys_settings_build_its_network(settings, kind):
    network = build_network(settings)
    assert type(network) is kind
    assert network.settings == settings
