import pytest

from shared.report.figures import png_bytes
from shared.report.statistics_figures import RocLine, SurvivalLine, roc_drawing, survival_drawing


def line(label, last):
    months = tuple(range(last + 1))
    return SurvivalLine(
        label, months, tuple(1 / (1 + m) for m in months), tuple(90 - m for m in months)
    )


@pytest.mark.parametrize("last", [0, 1, 24, 200])
def test_numbers_at_risk_stand_below_the_curves(last):
    drawing = survival_drawing(
        "fig_x", "Overall survival, AST", "c", "HR 2.00", [line("low", last), line("high", 0)]
    )
    assert drawing.inline.count(">90<") == 2
    assert ">Number at risk<" in drawing.inline
    assert 'aria-label="Overall survival, AST: low against high. HR 2.00"' in drawing.inline
    assert drawing.csv.splitlines()[:2] == ["group,month,survival,at_risk", "low,0,1.0,90"]
    assert png_bytes(drawing.figure).startswith(b"\x89PNG")


def test_a_single_curve_needs_no_key():
    drawing = survival_drawing("fig_x", "Overall survival, all", "c", "", [line("all", 12)])
    assert ">all<" not in drawing.inline


def test_the_roc_figure_names_its_event_and_areas():
    lines = [RocLine("Machine\n0.80 (0.70–0.90)", (0.0, 0.2, 1.0), (0.0, 0.7, 1.0))]
    drawing = roc_drawing("fig_roc", "progressive disease", "c", lines)
    assert ">Sensitivity for progressive disease<" in drawing.inline
    assert "Machine: AUC 0.80 (0.70–0.90)" in drawing.inline
    assert drawing.csv.splitlines()[2] == "Machine,0.2,0.7"
