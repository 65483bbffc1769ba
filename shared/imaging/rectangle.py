"""Lay a rectangular grid of square pixels over a reference's whole field of view."""

from shared.imaging.resample import PlaneStack


def rectangular_target(reference: PlaneStack, height: int, width: int) -> PlaneStack:
    """Lay a grid of square pixels over the reference's field of view, at its slice positions.

    The whole field of view fits in: the side that is longer in proportion fills the grid, the
    other is centred between margins.

    Args:
        reference: The slices that give positions and field of view.
        height: Rows of the target.
        width: Columns of the target.

    Returns:
        The target.
    """
    seen_mm = tuple(
        count * mm for count, mm in zip(reference.shape, reference.pixel_mm, strict=True)
    )
    pixel_mm = max(seen_mm[0] / height, seen_mm[1] / width)
    # From the centre of the first source pixel to the centre of the first target pixel.
    down, right = (
        (whole - own) / 2 - (count - 1) * pixel_mm / 2
        for whole, own, count in zip(seen_mm, reference.pixel_mm, (height, width), strict=True)
    )
    return PlaneStack(
        origins_mm=reference.origins_mm + down * reference.axes[0] + right * reference.axes[1],
        axes=reference.axes,
        positions_mm=reference.positions_mm,
        pixel_mm=(pixel_mm, pixel_mm),
        shape=(height, width),
    )
