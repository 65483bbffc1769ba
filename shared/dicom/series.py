"""Group instances into candidate volumes: what one series calls one may be several.

A SeriesInstanceUID can hold two echoes, two orientations or two acquisitions. A candidate holds
one of each, so that what remains irregular in it is a defect and not a mixture.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from shared.dicom.header import InstanceHeader

Key = tuple[object, ...]


@dataclass(frozen=True)
class CandidateSeries:
    """Instances that claim to be one volume.

    Attributes:
        volume_id: The SeriesInstanceUID, with ``#2`` and so on for the further volumes of it.
        instances: Its images, unordered, copies removed.
        copies: How many identical copies of images were left out.
    """

    volume_id: str
    instances: tuple[InstanceHeader, ...]
    copies: int = 0

    @property
    def head(self) -> InstanceHeader:
        """Give the instance that speaks for all: the earliest acquired."""
        return min(self.instances, key=_acquired)

    @property
    def name(self) -> str:
        """Name the series for a person without quoting its texts."""
        number = self.head.series_number
        label = "an unnumbered series" if number is None else f"series {number}"
        part = self.volume_id.partition("#")[2]
        images = "1 image" if len(self.instances) == 1 else f"{len(self.instances)} images"
        return f"{label}{f' part {part}' if part else ''} ({images})"


def group_series(instances: Iterable[InstanceHeader]) -> tuple[CandidateSeries, ...]:
    """Group instances into candidate volumes.

    Within a SeriesInstanceUID, images are one volume if they share orientation, echo, image kind
    and matrix; where positions repeat, also acquisition number, temporal position, trigger time
    and, at last, acquisition time.

    Args:
        instances: Headers of one study, in any order.

    Returns:
        Candidates by series number, then acquisition time.
    """
    candidates: list[CandidateSeries] = []
    for series_uid, members in _partition(instances, lambda i: (i.series_uid,)).items():
        unique = _without_copies(members)
        volumes: list[list[InstanceHeader]] = []
        for alike in _partition(unique, _kind).values():
            volumes += _split_repeated(alike)
        volumes.sort(key=lambda volume: min(map(_acquired, volume)))
        for part, volume in enumerate(volumes, 1):
            name = str(series_uid[0]) if part == 1 else f"{series_uid[0]}#{part}"
            copies = len(members) - len(unique) if part == 1 else 0
            candidates.append(CandidateSeries(name, tuple(volume), copies))
    candidates.sort(key=_reading_order)
    return tuple(candidates)


def _reading_order(candidate: CandidateSeries) -> tuple[float, tuple[float, int], str]:
    number = candidate.head.series_number
    return (
        float("inf") if number is None else number,
        _acquired(candidate.head),
        candidate.volume_id,
    )


def _acquired(instance: InstanceHeader) -> tuple[float, int]:
    time = instance.acquired_s
    return (float("inf") if time is None else time, instance.instance_number or 0)


def _kind(instance: InstanceHeader) -> Key:
    # Two decimals (half a degree) keep a scanner's rounding of direction cosines together.
    orientation = tuple(round(value, 2) + 0.0 for value in instance.orientation or ())
    echo = None if instance.echo_time_ms is None else round(instance.echo_time_ms, 2)
    return (
        *(instance.modality, instance.sop_class, instance.image_type, orientation),
        *(echo, instance.echo_number, instance.rows, instance.columns, instance.photometric),
        *(instance.kernel, instance.frame_of_reference),
    )


_SPLITTERS: tuple[Callable[[InstanceHeader], Key], ...] = (
    lambda i: (i.acquisition_number,),
    lambda i: (i.temporal_position,),
    lambda i: (i.mr.trigger_s,),
    lambda i: (i.acquired_s,),
)


def _split_repeated(
    members: Sequence[InstanceHeader], level: int = 0
) -> list[list[InstanceHeader]]:
    """Split where table positions repeat; what no splitter parts stays together, as a defect."""
    if level == len(_SPLITTERS) or not _positions_repeat(members):
        return [list(members)]
    parts = _partition(members, _SPLITTERS[level])
    # A splitter that leaves single images tells slices apart, not volumes.
    if len(parts) > 1 and len(parts) < len(members):
        return [piece for part in parts.values() for piece in _split_repeated(part, level + 1)]
    return _split_repeated(members, level + 1)


def _positions_repeat(members: Sequence[InstanceHeader]) -> bool:
    # A tenth of a millimetre: below it, two images cannot be two slices.
    seen = {
        tuple(round(value, 1) + 0.0 for value in i.position_mm)
        for i in members
        if i.position_mm is not None
    }
    return len(seen) < sum(i.position_mm is not None for i in members)


def _without_copies(members: Sequence[InstanceHeader]) -> list[InstanceHeader]:
    """Drop further files with the SOPInstanceUID and position of one already seen."""
    unique: dict[Key, InstanceHeader] = {}
    for number, instance in enumerate(members):
        key: Key = (
            (instance.sop_uid, instance.frame, instance.position_mm)
            if instance.sop_uid
            else (number,)
        )
        known = unique.get(key)
        if known is None or (known.damage and not instance.damage):
            unique[key] = instance
    return list(unique.values())


def _partition(
    instances: Iterable[InstanceHeader], key: Callable[[InstanceHeader], Key]
) -> dict[Key, list[InstanceHeader]]:
    groups: dict[Key, list[InstanceHeader]] = defaultdict(list)
    for instance in instances:
        groups[key(instance)].append(instance)
    return dict(groups)
