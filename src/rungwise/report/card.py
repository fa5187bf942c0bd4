"""The model card of a rung of a run: the card of its folder, and what the run knows of it, in Hugging Face's format."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import numpy as np

from rungwise.artifacts.card import RUN_MARK
from rungwise.artifacts.folder import replace_card
from rungwise.errors import RunError
from rungwise.evaluation import Outcome, Score
from rungwise.evaluation.costs import QUANTITIES, Group, Provenance, costs_of
from rungwise.evaluation.outlook_text import gain_sentence
from rungwise.evaluation.wording import amount_text, interval_text
from rungwise.metrics import class_scores, is_roles, type_scores
from rungwise.report.content import Content
from rungwise.report.markdown import markdown_table
from rungwise.report.sections.facts import run_facts
from rungwise.report.tables import Cell, Column, Row, Table
from rungwise.tasks import task

__all__ = ["run_card", "write_cards"]

_MAX_CLASSES = 60

_GROUPS = {
    Group.TRAIN: "to train",
    Group.KEEP: "to keep and start",
    Group.ASK: "to ask about one",
    Group.BATCH: "to ask about many",
}


def write_cards(content: Content) -> None:
    """Writes the card of every rung that has a model into its folder, where it says something else."""
    for outcome in content.finished:
        folder = content.results.run_folder / "models" / outcome.rung
        if (folder / "README.md").is_file():
            replace_card(folder, run_card(content, outcome.rung))


def run_card(content: Content, rung: str) -> str:
    """The card of a rung, as Markdown with a head in YAML.

    Raises:
        RunError: if the rung has no model.
    """
    file = content.results.run_folder / "models" / rung / "README.md"
    outcome = next((each for each in content.finished if each.rung == rung), None)
    if outcome is None or not file.is_file():
        have = ", ".join(each.rung for each in content.finished) or "none"
        raise RunError(f"{content.results.run_folder}: rung {rung!r} has no model; these have: {have}.")
    head, body = _split(file.read_text(encoding="utf-8"))
    scores = _scores(content, outcome)
    parts = [
        f"---\n{head}{_index(content, rung, scores)}---\n\n{body.rstrip()}",
        RUN_MARK,
        "## Intended use",
        _use(content, rung),
        "## Evaluation",
        _evaluation(content, scores),
        *_classes(content, outcome),
        *_robustness(outcome),
        *_forecast(content, rung),
        "## Training data",
        _bullets(run_facts(content)[:5]),
        "## Costs",
        _bullets(_costs(outcome, content.verdict.terms.price_per_hour)),
        "## Limits",
        "\n".join(f"- {limit}" for limit in _limits(content, outcome)),
    ]
    return "\n\n".join(parts) + "\n"


def _split(card: str) -> tuple[str, str]:
    """The first lines of the YAML and the body of the model's own card, without what a run said before."""
    match = re.match(r"---\n(.*?)---\n\n?", card, re.DOTALL)
    head = "" if match is None else match[1].partition("model-index:")[0]
    body = card if match is None else card[match.end() :]
    return head, body.partition(RUN_MARK)[0]


Scored = Sequence[tuple[str, str, Score, Score]]
"""A metric's name, its title, the score on validation and on test."""


def _scores(content: Content, outcome: Outcome) -> list[tuple[str, str, Score, Score]]:
    """Every metric of the task that fits, the run's own first."""
    names = dict.fromkeys([content.metric.name, *task(content.config["task"]).metrics])
    known = content.results.fitting_metrics(list(names))
    judged = zip(*(content.results.judge(part, known) for part in ("valid", "test")), strict=True)
    rung = outcome.rung
    return [
        (test.metric.name, test.metric.title, valid.score(rung), test.score(rung)) for valid, test in judged
    ]


def _index(content: Content, rung: str, scores: Scored) -> str:
    """The model's results as the hub reads them; JSON's strings are YAML's."""
    lines = [
        "model-index:",
        f"- name: {_quoted(f'{content.name} {rung}')}",
        "  results:",
        "  - task:",
        f"      type: {content.config['task']}",
        "    dataset:",
        f"      name: {_quoted(content.name)}",
        f"      type: {_quoted(content.dataset.fingerprint)}",
        "      split: test",
        "    metrics:",
    ]
    for name, title, _, test in scores:
        if test.value == test.value:  # NaN is no score
            lines += [
                f"    - type: {name}",
                f"      name: {_quoted(title)}",
                f"      value: {test.value:.6g}",
            ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _use(content: Content, rung: str) -> str:
    title, target = task(content.config["task"]).title, content.dataset.target
    if rung == content.recommended:
        verdict = f"Of the rungs of its run this is the one to take: {content.verdict.sentence}"
    elif content.recommended is None:
        verdict = str(content.verdict.sentence)
    else:
        verdict = f"Of the rungs of its run another one is recommended: {content.verdict.sentence}"
    return f"{title}, `{target}`, from data like those that it was trained on. {verdict}"


def _evaluation(content: Content, scores: Scored) -> str:
    metrics = content.results.fitting_metrics([name for name, *_ in scores])
    rows = []
    for by, (_, title, *both) in zip(metrics, scores, strict=True):
        cells = [
            Cell(amount_text(by, each.value), quiet=interval_text(by, each.low, each.high))
            for each in reversed(both)
        ]
        rows.append(Row(f"{title}, %" if by.is_share else title, cells, is_rung=False))
    caption = "Scores with 95 % intervals; validation chose among rungs and when to stop, and test nothing."
    return markdown_table(
        Table("", caption, [Column(each) for each in ("Metric", "Test", "Validation")], rows)
    )


def _costs(outcome: Outcome, price: float | None) -> list[tuple[str, str]]:
    """What is known of `QUANTITIES`; ~ is before what is estimated."""
    costs = costs_of(outcome, price)
    said = []
    for quantity in QUANTITIES:
        amount = costs[quantity.name]
        if amount.value is not None:
            about = "~ " if amount.provenance is Provenance.ESTIMATED else ""
            said.append((f"{_GROUPS[quantity.group]}, {quantity.title}", about + quantity.text(amount.value)))
    return said


def _classes(content: Content, outcome: Outcome) -> list[str]:
    test = outcome.test
    if test is None or not (test.tags or content.class_names):
        return []
    if test.tags:
        roles = is_roles(task(content.config["task"]).metrics)
        each = list(type_scores(test.target, test.prediction, test.tags, is_roles=roles))
    else:
        names = content.class_names
        each = list(zip(names, class_scores(test.target, test.prediction, len(names)), strict=True))
    rows = [
        Row(
            name,
            [*(Cell(f"{100 * share:.1f}") for share in (s.precision, s.recall, s.f1)), Cell(str(s.support))],
            is_rung=False,
        )
        for name, s in sorted(each, key=lambda pair: pair[1].f1)[:_MAX_CLASSES]
    ]
    columns = [Column(title) for title in ("Class", "Precision", "Recall", "F1", "Examples")]
    return (
        [markdown_table(Table("", "Each class on test, in %, the worst first.", columns, rows))]
        if rows
        else []
    )


def _robustness(outcome: Outcome) -> list[str]:
    found = outcome.robustness
    if found is None:
        return []
    means = {name: np.mean([each.value for each in scores]) for name, scores in found.scores.items()}
    names = ", ".join(f"{name} {mean:.3g}" for name, mean in means.items())
    return [
        f"Under corrupted inputs, {found.metric} over {found.num_examples:,} test examples: as they are "
        f"{found.clean.value:.3g}; the mean over five strengths of {names}."
    ]


def _forecast(content: Content, rung: str) -> list[str]:
    """What more data would bring it, where there is a forecast."""
    told = content.outlook
    gains = {} if told is None else {each.rung: each.gain for each in told.rungs}
    gain = gains.get(rung)
    return [] if told is None or gain is None else [gain_sentence(content.metric, rung, gain, told.times)]


def _bullets(pairs: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in pairs)


def _limits(content: Content, outcome: Outcome) -> list[str]:
    """What one should know before using it."""
    reason = outcome.record.get("reason")
    said = [
        "It was judged on one split of one data set; on data of another kind, place or time it may do worse.",
        *([f"Its training ended early: {reason}."] if reason else []),
        *content.verdict.warnings,
    ]
    if outcome.robustness is None:
        said.append("How it stands corrupted inputs wasn't measured.")
    return said
