"""The page's section on what more data would bring, of a run whose fits on parts of train are made up."""

import json

import numpy as np
import pytest
from made_runs import RUNGS, text_run

from rungwise.evaluation import Results, append_record, write_predictions
from rungwise.evaluation.predictions import Predictions, growth_name
from rungwise.report import Format, write_report

SIZES = (20, 28, 40, 56, 79, 112)


def add_growth(run, rungs, sizes=SIZES):
    """Fits on parts of train that are right the more often the larger these are."""
    for order, rung in enumerate(rungs):
        for size in sizes:
            name = growth_name(rung, size, 0)
            fit = {"num_rows": size, "num_train": size, "num_all": 140, "draw": 0, "status": "done"}
            append_record(run, {"type": "growth", "rung": rung, "repeat": f"{size}.0", **fit})
            for part in ("valid", "test"):
                target = np.arange(200) % 2
                is_right = np.random.default_rng(order).random(200) > 0.4 * (size / 20) ** (
                    -0.3 * (1 + order)
                )
                said = np.where(is_right, target, 1 - target)
                write_predictions(run, name, part, Predictions(target, said, np.eye(2)[said]))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = text_run(tmp_path_factory.mktemp("run"))
    add_growth(folder, RUNGS[1:])
    return folder


@pytest.fixture(scope="module")
def section(run):
    page = write_report(Results(run)).read_text(encoding="utf-8")
    return page.split('<section aria-labelledby="forecast">')[1].partition("</section>")[0]


def test_every_rung_has_its_curve_points_and_row(section):
    for rung in RUNGS[1:]:
        assert section.count(f'<g class="trace" data-rung="{rung}">') == 2
        assert f"<code>{rung}</code>" in section
    assert section.count('class="spots chosen"') == 2
    assert section.count('class="band ') == 4
    assert ">At 4×<" in section


def test_the_sentences_are_in_both_languages(section):
    assert "With four times the data <code>lstm</code> is forecast to be better by" in section
    assert "按预测，数据为四倍时，<code>lstm</code> 会提高" in section


def test_a_run_without_fits_on_parts_of_train_has_no_section_and_is_told_how(tmp_path):
    page = write_report(Results(text_run(tmp_path))).read_text(encoding="utf-8")
    assert 'id="forecast"' not in page
    assert f"rungwise forecast {tmp_path}" in page


def test_refused_rungs_have_their_reason_and_no_chart_of_what_is_not_known(tmp_path):
    add_growth(text_run(tmp_path), RUNGS[1:], SIZES[-2:])
    page = write_report(Results(tmp_path)).read_text(encoding="utf-8")
    assert "no forecast: 3 sizes are too few for a curve; 5 are needed" in page
    assert "Curves go on to eight times" not in page
    assert 'class="band ' not in page
    assert "Go on with the forecast" in page


def test_json_and_markdown_have_the_forecast_too(run):
    told = json.loads(write_report(Results(run), Format.JSON).read_text(encoding="utf-8"))
    assert [each["rung"] for each in told["forecast"]["rungs"]] == list(RUNGS[1:])
    assert "| At 4× |" in write_report(Results(run), Format.MARKDOWN).read_text(encoding="utf-8")
