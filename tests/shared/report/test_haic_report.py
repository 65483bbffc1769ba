from shared.report.haic_files import write_haic_record
from shared.report.haic_report import draw_haic, write_haic_report
from shared.report.sign_off import sign_off

FIGURES = {
    "fig_roc",
    "fig_forest",
    "fig_calibration",
    "fig_weights",
    "fig_losses",
    "fig_candidates",
}


def test_the_page_its_table_and_every_figure_are_written(haic_record, tmp_path):
    page = write_haic_report(tmp_path, haic_record)

    assert page == tmp_path / "report.html"
    assert (tmp_path / "tidy.csv").read_text(encoding="utf-8").startswith("run,arm,model")
    assert {p.name for p in (tmp_path / "figures").iterdir()} == {
        f"{name}.{suffix}" for name in FIGURES for suffix in ("svg", "png", "csv")
    }


def test_the_same_record_gives_the_same_figures(haic_record):
    first, second = draw_haic(haic_record), draw_haic(haic_record)

    assert set(first) == FIGURES
    assert all(first[name].inline == second[name].inline for name in FIGURES)


def test_a_sign_off_in_the_folder_is_shown(bare_haic_record, tmp_path):
    write_haic_record(tmp_path, bare_haic_record)
    sign_off(tmp_path, "Li Wei", "principal investigator")

    page = write_haic_report(tmp_path, bare_haic_record).read_text(encoding="utf-8")

    assert "Signed off by Li Wei (principal investigator)" in page
