"""A run as Markdown, JSON, a page for paper and a model card."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from made_runs import EVIL, RUNGS, make_run, tagged_run, text_run

from rungwise.artifacts import verify_model
from rungwise.data import Dataset
from rungwise.errors import ConfigError, RunError, UnknownNameError
from rungwise.estimators import estimator_class
from rungwise.evaluation import Results, write_json
from rungwise.ladder import Ladder
from rungwise.language import Language
from rungwise.report import Content, Format, write_cards, write_report
from rungwise.report.markdown import markdown_table
from rungwise.report.tables import Cell, Column, Row, Table


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    return text_run(tmp_path_factory.mktemp("texts"))


def written(folder, form, **options):
    return write_report(Results(folder), form, **options).read_text(encoding="utf-8")


@pytest.mark.parametrize("form", list(Format)[:-1])
def test_every_form_goes_to_a_file_of_its_own_or_where_it_is_told(texts, form, tmp_path):
    file = write_report(Results(texts), form)
    assert (file.parent, file.exists()) == (texts, True)
    assert write_report(Results(texts), form, out=tmp_path / "here") == tmp_path / "here"
    assert (tmp_path / "here").read_bytes() == file.read_bytes()


def test_markdown_has_the_sentence_the_steps_and_the_tables(texts):
    page = written(texts, Format.MARKDOWN)
    assert re.search(r"^\*\*Take `lstm`: \d", page, re.MULTILINE)
    assert "1. Predict with `lstm`" in page
    assert "| Rung | Test | Validation |" in page
    assert re.search(r"^\| \*\*`lstm`\*\* \| \*\*\d", page, re.MULTILINE)
    assert EVIL not in page
    tables = re.findall(r"(?:^\|.*\|\n)+", page, re.MULTILINE)
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_markdown_has_the_headings_of_the_sections_that_have_words_or_tables(texts):
    page = written(texts, Format.MARKDOWN)
    headings = re.findall(r"^#+ .*", page, re.MULTILINE)
    assert headings[1:] == [
        "## What to do next",
        "## Leaderboard",
        "## Beside the recommended rung",
        "## What it costs",
        "## Where it errs",
        "## Calibration",
        "## The run",
        "### Notes on the data",
        "### Columns",
    ]
    assert re.search(r"## What it costs\n\nAmounts are measured,.*\n\nTo train\.", page)
    assert re.search(r"## Where it errs\n\n`lstm`\n\nOn test, in %\n\n\| Class ", page)
    assert re.search(r"^- price: – give ", page, re.MULTILINE)


def test_markdown_can_be_chinese(texts):
    page = written(texts, Format.MARKDOWN, language=Language.CHINESE)
    assert "## 排行榜" in page
    assert "**选用 `lstm`：" in page
    assert "Take" not in page


def test_a_cell_is_never_markup():
    table = Table("", "a|b", [Column("x"), Column("y")], [Row("c|d\ne", [Cell("*f* <g>")], is_rung=False)])
    assert markdown_table(table) == "a\\|b\n\n| x | y |\n| --- | --- |\n| c\\|d e | \\*f\\* &lt;g> |"


def test_json_has_every_fact(texts):
    told = json.loads(written(texts, Format.JSON))
    assert told["verdict"]["recommended"] == "lstm"
    assert [row["rung"] for row in told["leaderboard"]] == list(RUNGS)
    assert told["next_steps"][0]["command"].startswith("rungwise predict ")
    assert told["data"]["fingerprint"] == Dataset.open(texts / "data").fingerprint
    assert told["metric"]["name"] == "accuracy"
    assert told["costs"]["lstm"]["fit_cpu_time"] == {
        "unit": "s",
        "value": 100.0,
        "provenance": "measured",
        "note": "",
    }
    chinese = json.loads(written(texts, Format.JSON, language=Language.CHINESE))
    assert chinese["verdict"]["sentence"].startswith("选用")
    assert chinese.keys() == told.keys()


def test_the_page_for_paper_is_unfolded_and_has_no_controls(texts):
    page = written(texts, Format.PDF_READY, language=Language.CHINESE)
    assert '<html lang="zh-CN">' in page
    assert "<script" not in page
    assert "<details>" not in page
    assert "<details open>" in page
    assert 'type="button" lang' not in page


def test_paper_has_a_few_errors_of_the_recommended_rung_and_the_matrix_of_each(tmp_path):
    labels = np.array(["yes", "no"] * 200)
    make_run(
        tmp_path, pd.DataFrame({"a": np.arange(400.0), "label": labels}), target="label", rungs=RUNGS[:2]
    )
    on_paper, on_screen = (written(tmp_path, form) for form in (Format.PDF_READY, Format.HTML))
    errors = [
        re.findall(r'<ol class="examples">(.*?)</ol>', page, re.DOTALL) for page in (on_paper, on_screen)
    ]
    assert [each.count("<li ") for each in errors[0]] == [8]
    assert [each.count("<li ") for each in errors[1]] == [20, 20]
    for page in (on_paper, on_screen):
        assert re.findall(r'id="caption-matrix-([a-z]+)"', page) == ["baseline", "svm"]
    assert "8 are printed; the page has more" in on_paper
    assert "8 are printed; the page has more" not in on_screen


def with_model(folder):
    """The run with a model of one of its rungs."""
    dataset = Dataset.open(folder / "data")
    model = estimator_class("svm", dataset.pair[1])()
    model.fit(dataset.inputs("train"), dataset.targets("train"))
    model.save(folder / "models" / "svm")
    return folder / "models" / "svm"


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(200, 3)), columns=["a", "b", "c"])
    frame["label"] = np.where(frame["a"] > 0, "yes", "no: really")
    make_run(folder, frame, target="label")
    return folder


def test_a_model_card_says_how_good_what_for_and_from_what(table):
    folder = with_model(table)
    own = (folder / "README.md").read_text(encoding="utf-8")
    write_cards(Content.read(Results(table)))
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert card.startswith(
        "---\nlibrary_name: rungwise\npipeline_tag: tabular-classification\nmodel-index:\n"
    )
    assert "    - type: accuracy\n" in card
    for part in ("## Intended use", "## Evaluation", "## Training data", "## Costs", "## Limits", "## Use"):
        assert part in card
    assert "another one is recommended: Take `lstm`" in card
    assert "| no: really |" in card
    assert own.partition("---\n\n")[2].strip() in card
    assert verify_model(folder).bad_files == []
    write_cards(Content.read(Results(table)))
    assert (folder / "README.md").read_text(encoding="utf-8") == card
    assert written(table, Format.CARD, rung="svm") == card


def test_a_rung_without_a_model_has_no_card(texts):
    with pytest.raises(RunError, match="rung 'lstm' has no model"):
        write_report(Results(texts), Format.CARD)


def test_a_rung_is_named_for_cards_alone(texts):
    with pytest.raises(ConfigError, match="rung 'svm' is for a model card, and this is format 'md'"):
        write_report(Results(texts), Format.MARKDOWN, rung="svm")


def test_sentences_with_tags_have_every_form(tmp_path):
    tagged_run(tmp_path)
    assert "PER" in written(tmp_path, Format.MARKDOWN) + written(tmp_path, Format.HTML)
    assert json.loads(written(tmp_path, Format.JSON))["task"] == "token-classification"


def test_a_page_of_many_classes_long_texts_and_many_rungs_is_small(tmp_path):
    rng = np.random.default_rng(0)
    names = [f"class number {n}, with a long name: {'x' * 200}" for n in range(30)]
    rows = [f"{'a word and another ' * 200} {rng.integers(1e9)}" for _ in range(1500)]
    frame = pd.DataFrame({"text": rows, "label": names * 50})
    rungs = [f"rung-{n}" for n in range(12)]
    make_run(tmp_path, frame, target="label", rungs=rungs)
    page = written(tmp_path, Format.HTML)
    assert len(page.encode()) < 2_000_000


def test_a_run_is_reported_from_python(texts):
    ladder = Ladder()
    ladder._paths = type("Paths", (), {"run": texts})()
    assert ladder.report("md", lang="zh").name == "report.md"
    with pytest.raises(UnknownNameError, match="format 'pdf' is unknown"):
        ladder.report("pdf")
    with pytest.raises(UnknownNameError, match="language 'fr' is unknown"):
        ladder.report("md", lang="fr")


def test_facts_leave_out_what_says_nothing():
    from rungwise.report.sections.facts import _asked

    power, stamp = {"watts": None, "note": None}, {"path": "a.csv", "modified_ns": 17}
    asked = {"core_power": power, "identify_predicates": False, "sources": {"train": stamp}, "seed": 0}
    assert dict(_asked(asked)) == {"sources": "train path a.csv", "seed": "0"}


def test_a_card_in_another_language_is_refused(texts):
    with pytest.raises(ConfigError, match="model cards are in English, and not in 'zh'"):
        write_report(Results(texts), Format.CARD, language=Language.CHINESE)


@pytest.mark.parametrize(("count", "is_warned"), [(255, True), (49, False)])
def test_many_test_rows_that_train_has_too_are_warned_of_in_every_form(texts, tmp_path, count, is_warned):
    folder = shutil.copytree(texts, tmp_path / "run")
    told = json.loads((folder / "data" / "dataset.json").read_text())
    message = f"{count} of 980 test rows have the same input as a row of train."
    told["notes"].append({"level": "warning", "message": message})
    write_json(folder / "data" / "dataset.json", told)
    for form in (Format.HTML, Format.MARKDOWN, Format.JSON):
        assert (f"{message[:-1]}: scores on test may be too good." in written(folder, form)) == is_warned
