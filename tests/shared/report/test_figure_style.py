from xml.etree import ElementTree as ET

from shared.report.figure_style import FEDERATED_LOOK, inline_svg

FILE = f"""<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<svg xmlns:xlink="http://www.w3.org/1999/xlink" width="504pt" height="180pt" viewBox="0 0 504 180" xmlns="http://www.w3.org/2000/svg" version="1.1">
 <metadata><a>secret</a></metadata>
 <defs><clipPath id="p1"><rect/></clipPath><path id="m1"/></defs>
 <g clip-path="url(#p1)"><use xlink:href="#m1" style="stroke: {FEDERATED_LOOK.color}"/>
 <text style="font: 9px 'DejaVu Sans'; text-anchor: middle">Words</text></g>
</svg>"""  # noqa: E501 - as Matplotlib writes it


def test_an_svg_file_becomes_markup_that_belongs_to_the_page():
    svg = inline_svg(FILE, "fig_a", 'AUC "0.9" & <more>')
    root = ET.fromstring(svg)  # noqa: S314 - ours

    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == 'AUC "0.9" & <more>'
    assert root.attrib["viewBox"] == "0 0 504 180"
    assert "width" not in root.attrib
    assert "DOCTYPE" not in svg
    assert "secret" not in svg
    assert f"stroke: var(--federated, {FEDERATED_LOOK.color})" in svg
    assert "font: normal 9px var(--font); text-anchor: middle" in svg


def test_two_figures_on_a_page_share_no_ids():
    first, second = (inline_svg(FILE, name, "words") for name in ("fig_a", "fig_b"))

    assert 'id="fig_a-p1"' in first
    assert "url(#fig_a-p1)" in first
    assert 'href="#fig_a-m1"' in first
    assert "fig_a" not in second
