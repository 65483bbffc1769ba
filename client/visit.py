"""What one message finds at a site: settings, patients, network, device."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import torch

from client.clinical_site import ClinicalSite, open_clinical_site
from client.dataset import SiteData, open_site
from client.fusion_site import FusionSite, open_fusion_site
from client.site_settings import Needs, SiteSettings, read_site_settings
from shared.cohort.patient import PreparedPatient
from shared.errors import MessageError, SettingsError
from shared.models.study_network import NetworkSettings, StudyNetwork, build_network
from shared.settings import CLINICAL_STATISTICS, HAIC_MRI, ConfigValue, RunSettings
from shared.tasks.recipe import Recipe, recipe_for
from shared.training.device import choose_device

SETTINGS_KEY: Final = "site-settings"
PARTITION_KEY: Final = "partition-id"
SETTINGS_NAME: Final = "site.toml"

_IMAGES: Final = frozenset((Needs.DICOM, Needs.MANIFEST))
_NEEDS: Final = {CLINICAL_STATISTICS: frozenset((Needs.CLINICAL,))}
"""What a task needs at a site, where that is not images; clinical columns may be the manifest's."""

_opened: dict[tuple[SiteSettings, RunSettings], SiteData] = {}
"""Patients by site and run, so that a simulation of many rounds reads them once."""

_clinical: dict[tuple[SiteSettings, RunSettings], ClinicalSite] = {}
"""Clinical tables likewise."""

_fusion: dict[tuple[SiteSettings, RunSettings], FusionSite] = {}
"""Patients with images and clinical rows likewise."""


@dataclass(frozen=True)
class Visit:
    """One message's stay at one site.

    Attributes:
        site: The hospital's settings.
        run: The coordinator's settings.
        recipe: The study.
    """

    site: SiteSettings
    run: RunSettings
    recipe: Recipe

    @property
    def is_clinical(self) -> bool:
        """Say whether the run is about the clinical table instead of images."""
        return self.run.task == CLINICAL_STATISTICS

    @property
    def is_fusion(self) -> bool:
        """Say whether the run joins images and clinical table."""
        return self.run.task == HAIC_MRI

    def data(self, *, afresh: bool = False) -> SiteData:
        """Give the site's patients.

        Args:
            afresh: Look at the site's files again instead of at what this process knows.

        Raises:
            HepafedError: If the site's data cannot serve the run, or it is not about images.
        """
        if self.is_clinical or self.is_fusion:
            raise MessageError(
                "Expected a question of a run on images alone, got one of another task. "
                "Run the same version everywhere."
            )
        key = (self.site, self.run)
        if afresh or key not in _opened:
            _opened[key] = open_site(
                self.site, self.run, self.recipe.preparation, self.recipe.endpoint
            )
        return _opened[key]

    def clinical(self, *, afresh: bool = False) -> ClinicalSite:
        """Give the site's clinical table.

        Args:
            afresh: Read the site's file again instead of what this process knows.

        Raises:
            HepafedError: If the site's table cannot serve the run, or it is about images.
        """
        if not self.is_clinical:
            raise MessageError(
                "Expected a question about images, got one about the clinical table. "
                "Start a run with the task 'clinical-statistics'."
            )
        key = (self.site, self.run)
        if afresh or key not in _clinical:
            _clinical[key] = open_clinical_site(self.site, self.run)
        return _clinical[key]

    def fusion(self, *, afresh: bool = False) -> FusionSite:
        """Give the site's patients with images and clinical rows.

        Args:
            afresh: Look at the site's files again instead of at what this process knows.

        Raises:
            HepafedError: If the site's data cannot serve the run, or it is of another task.
        """
        if not self.is_fusion:
            raise MessageError(
                "Expected a question of a run on images or tables alone, got one about both. "
                "Start a run with the task 'haic-mri'."
            )
        key = (self.site, self.run)
        if afresh or key not in _fusion:
            _fusion[key] = open_fusion_site(
                self.site, self.run, self.recipe.preparation, self.recipe.endpoint
            )
        return _fusion[key]

    def patients(self) -> tuple[PreparedPatient, ...]:
        """Give the site's patients with images, whatever else the run needs of them.

        Raises:
            HepafedError: If the site's data cannot serve the run.
        """
        return self.fusion().patients if self.is_fusion else self.data().patients

    def network(self) -> StudyNetwork:
        """Give a network of the run's shape, with weights that the caller overwrites."""
        return _network(self.recipe.network)

    def device(self) -> torch.device:
        """Give the device that the hospital chose.

        Raises:
            DeviceError: If it cannot be used.
        """
        return choose_device(self.site.accelerator.value)


@lru_cache(maxsize=1)
def _network(settings: NetworkSettings) -> StudyNetwork:
    # One network serves all sites of a simulation, one after the other; building one takes longer
    # than loading weights into it.
    with torch.random.fork_rng(devices=[]):
        return build_network(settings)


def open_visit(site: SiteSettings, run: RunSettings) -> Visit:
    """Start a visit."""
    return Visit(site, run, recipe_for(run))


def site_settings_for(node_config: Mapping[str, ConfigValue], run: RunSettings) -> SiteSettings:
    """Read the settings of the site that a node stands for.

    A hospital's node names its own settings file. Only a node without one, which Flower's
    simulation makes, takes a folder of the run config's ``sites-dir``, by its partition number.

    Args:
        node_config: What the node was started with.
        run: The coordinator's settings.

    Returns:
        The site's settings.

    Raises:
        SettingsError: If there is no settings file for this node, or it cannot be used.
    """
    needs = _NEEDS.get(run.task, _IMAGES)
    if SETTINGS_KEY in node_config:
        return read_site_settings(Path(str(node_config[SETTINGS_KEY])), needs)
    number = node_config.get(PARTITION_KEY)
    if not run.sites_dir or not isinstance(number, int):
        raise SettingsError(
            f"Expected '{SETTINGS_KEY}' among the node's settings, got none. Start the node with "
            f"--node-config '{SETTINGS_KEY}=\"/path/to/{SETTINGS_NAME}\"'."
        )
    files = sorted(Path(run.sites_dir).glob(f"*/{SETTINGS_NAME}"))
    if number >= len(files):
        raise SettingsError(
            f"Expected a simulated site number {number + 1}, got {len(files)} folders with a "
            f"{SETTINGS_NAME}. Simulate fewer nodes or add sites."
        )
    return read_site_settings(files[number], needs)
