"""The page's section on corrupted inputs: curves of the score by strength, and a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from rungwise.data import Dataset
from rungwise.evaluation import Outcome
from rungwise.evaluation.corruptions import Corruption, corrupt
from rungwise.evaluation.intervals import Score
from rungwise.evaluation.outcomes import BASELINE
from rungwise.evaluation.robustness import Robustness, chosen_examples, corruptions_of, word_examples
from rungwise.evaluation.text_corruptions import TextCorruption
from rungwise.evaluation.wording import amount_text, code, difference_text, interval_text
from rungwise.kinds import SENTENCE_KINDS, InputKind, OutputKind
from rungwise.language import Message, joined, say, term
from rungwise.metrics import Metric
from rungwise.report.bilingual import capital
from rungwise.report.charts import Line, line_key, strength_chart
from rungwise.report.content import Content
from rungwise.report.pictures import png, thumbnail
from rungwise.report.sheets import is_tiny
from rungwise.report.tables import Cell, Column, Row, Table, amount

__all__ = ["RobustnessSection", "section"]

_STYLES = tuple(f"hue{number}{dash}" for dash in ("", " dashed") for number in range(1, 5))
"""Of the curves that aren't the recommended rung's or the baseline's: no more can be told apart."""

_PICTURE_SIDE = 40
"""Pixels of the pictures under the curves."""

_SHOWN_LEVEL, _SHOWN, _MOST_TEXTS = 2, 300, 20
"""The strength that is shown on a text or a sentence, its characters at most, and how many are looked at for one."""


@dataclass(frozen=True)
class RobustnessSection:
    """What the section shows.

    Attributes:
        introduction: what the scores are.
        keys: the legend: rung, and how its line looks.
        charts: a corruption's name, and its chart.
        texts: a corruption's name and strength, and what it makes of a text or a sentence; none of images.
        table: the scores of each rung: clean, over the strengths of each corruption, over all.
        notes: why rungs weren't measured, and which have no curve.
        is_tiny: whether images are best shown pixel by pixel.
    """

    introduction: Message
    keys: Sequence[tuple[str, Markup]]
    charts: Sequence[tuple[str, Markup]]
    texts: Sequence[tuple[str, str]]
    table: Table
    notes: Sequence[str]
    is_tiny: bool


def section(content: Content) -> RobustnessSection | Message | None:
    """The section; where no rung was measured the reason, if any was to be, or None."""
    dataset, outcomes, metric = content.dataset, content.outcomes, content.metric
    if not content.has_robustness:
        return _why_unmeasured(outcomes, dataset.pair[0])
    measured = {o.rung: o.robustness for o in outcomes if o.robustness and o.robustness.metric == metric.name}
    num_examples = next(reversed(measured.values())).num_examples
    styles = _without_far_baseline(_styles(measured, metric, content.recommended), measured)
    reasons = {o.rung: o.record["robustness_reason"] for o in outcomes if o.record["robustness_reason"]}
    noun = _noun(dataset.pair[0])
    notes = []
    if metric.is_share and dataset.pair[1] is not OutputKind.TAGS:
        notes.append(say("One {noun} is {size}.", noun=noun, size=difference_text(metric, 1 / num_examples)))
    notes += [
        say("{rung} wasn't measured: {reason}.", rung=code(rung), reason=reason)
        for rung, reason in reasons.items()
    ]
    if without := [f"`{rung}`" for rung in measured if rung not in styles]:
        notes.append(say("The curves leave out {rungs}, which the table has.", rungs=joined(without)))
    shown = [each for rung in styles for each in _points(measured[rung])]
    values = [end for each in shown for end in (each.value, each.low, each.high) if math.isfinite(end)]
    if any(math.isfinite(each.high - each.low) for each in shown):
        notes.append(
            say(
                "Bars are 95 % intervals. As all rungs are asked about the same {noun}s, two of them can differ surely "
                "where their bars overlap.",
                noun=noun,
            )
        )
    known = next(reversed(measured.values())).scores
    corruptions = [corruption for corruption in corruptions_of(dataset.pair[0]) if corruption.name in known]
    if changeless := [term(c.name) for c in corruptions_of(dataset.pair[0]) if c.name not in known]:
        names = joined(changeless)
        notes.append(
            say("Left out are {names}, which change nothing in these {noun}s.", names=names, noun=noun)
        )
    chosen = chosen_examples(dataset.num("test"), num_examples)
    picture = dataset.inputs("test")[chosen[:1]] if dataset.pair[0] is InputKind.IMAGE else None
    introduction = say(
        "{metric:cap} on {count:,} test {noun}s, as they are (0) and corrupted in five strengths, with what these do "
        "to one of the {noun}s. Every rung is asked about the same {noun}s.",
        metric=content.metric_title,
        count=num_examples,
        noun=noun,
    )
    return RobustnessSection(
        introduction,
        [(rung, line_key(style)) for rung, style in styles.items()],
        [(term(c.name), _chart(c, measured, styles, metric, values, picture)) for c in corruptions]
        if values
        else [],
        _corrupted_texts(dataset, chosen) if picture is None else [],
        _table(content, measured, [corruption.name for corruption in corruptions]),
        notes,
        is_tiny(dataset),
    )


def _noun(kind: InputKind) -> Message:
    """What an example is."""
    return say("sentence") if kind in SENTENCE_KINDS else term(kind.value)


def _corrupted_texts(dataset: Dataset, chosen: NDArray[np.int64]) -> list[tuple[str, str]]:
    """What each corruption at its middle strength makes of the first of the chosen examples that it changes."""
    strengths = {c.name: c.strengths[_SHOWN_LEVEL] for c in corruptions_of(dataset.pair[0])}
    shown: list[tuple[str, str]] = []
    before: list[str] = []
    for name, level, inputs, _ in word_examples(dataset, chosen[:_MOST_TEXTS]):
        texts = [_written(each) for each in inputs.to_pylist()]
        before = before or texts
        changed = [text for text, was in zip(texts, before, strict=True) if text != was]
        if level == _SHOWN_LEVEL and changed:
            text = changed[0] if len(changed[0]) <= _SHOWN else changed[0][:_SHOWN] + "…"
            shown.append((say("{name}, {share:g} %", name=term(name), share=strengths[name]), text))
    return shown


def _written(example: Any) -> str:
    """A text, or the words of a sentence, with blanks between."""
    tokens = example["tokens"] if isinstance(example, dict) else example
    return tokens if isinstance(tokens, str) else " ".join(tokens)


def _why_unmeasured(outcomes: Sequence[Outcome], kind: InputKind) -> Message | None:
    """A sentence, where corrupted inputs were to be predicted and some rung has nothing of it."""
    reasons = [o.record["robustness_reason"] for o in outcomes if o.record["robustness_reason"]]
    if not reasons:
        return None
    return say(
        "Robustness to corrupted {noun}s wasn't measured: {reason}. `rungwise fit --resume` with a larger `--budget` "
        "does it.",
        noun=_noun(kind),
        reason=reasons[0],
    )


def _styles(measured: dict[str, Robustness], metric: Metric, recommended: str | None) -> dict[str, str]:
    """Rung → its line's style, cheapest first: the recommended rung, the baseline, and the most robust others."""
    sign = -1 if metric.greater_is_better else 1
    others = sorted(
        (rung for rung in measured if rung not in (recommended, BASELINE)),
        key=lambda rung: sign * measured[rung].mean.value,
    )[: len(_STYLES)]
    hues = dict(zip((rung for rung in measured if rung in others), _STYLES, strict=False))
    own = {BASELINE: "trivial", recommended: "chosen"}  # the recommended rung may be the baseline
    return {rung: own.get(rung) or hues[rung] for rung in measured if rung in own or rung in hues}


def _without_far_baseline(styles: dict[str, str], measured: dict[str, Robustness]) -> dict[str, str]:
    """The same, without a baseline that would press the other curves together."""
    others = [each.value for rung in styles if rung != BASELINE for each in _points(measured[rung])]
    if BASELINE not in styles or len(styles) < 3 or styles[BASELINE] == "chosen" or np.isnan(others).any():
        return styles
    margin = (max(others) - min(others)) / 2
    is_near = min(others) - margin <= measured[BASELINE].clean.value <= max(others) + margin
    return styles if is_near else {rung: style for rung, style in styles.items() if rung != BASELINE}


def _points(found: Robustness) -> list[Score]:
    """Of all its curves."""
    return [found.clean, *(each for scores in found.scores.values() for each in scores)]


def _chart(
    corruption: Corruption | TextCorruption,
    measured: dict[str, Robustness],
    styles: dict[str, str],
    metric: Metric,
    values: Sequence[float],
    picture: np.ndarray | None,
) -> Markup:
    lines = []
    for rung, style in styles.items():
        points = [measured[rung].clean, *measured[rung].scores[corruption.name]]
        scores, ends = zip(*((each.value, (each.low, each.high)) for each in points), strict=True)
        lines.append(Line(style, range(len(points)), scores, rung, ends))
    lines.sort(key=lambda line: line.style == "chosen")  # on top
    versions: list[np.ndarray] = []
    if picture is not None and isinstance(corruption, Corruption):
        levels = range(len(corruption.strengths))
        versions = [picture, *(corrupt(picture, corruption, level) for level in levels)]
    return strength_chart(
        lines,
        label=say(
            "{metric:cap} by strength of {corruption}; the table has the means",
            metric=term(metric.title),
            corruption=term(corruption.name),
        ),
        unit=term(corruption.unit),
        strengths=["0", *(f"{strength:g}" for strength in corruption.strengths)],
        pictures=[png(thumbnail(version[0], _PICTURE_SIDE)) for version in versions],
        span=(min(values), max(values)),
        text=lambda value: f"{100 * value:.4g}" if metric.is_share else f"{value:.4g}",
    )


def _table(content: Content, measured: dict[str, Robustness], names: Sequence[str]) -> Table:
    metric = content.metric
    columns = [
        Column(title, is_descending=metric.greater_is_better)
        for title in (say("Clean"), *(capital(term(name)) for name in names), say("All"))
    ]
    rows = [
        Row(
            o.rung,
            _cells(measured.get(o.rung), metric, len(columns)),
            is_recommended=o.rung == content.recommended,
        )
        for o in content.finished
    ]
    means = say("Means over the strengths, in %") if metric.is_share else say("Means over the strengths")
    caption = say("{means}; “all” is the column “Robust” of the leaderboard.", means=means)
    return Table("caption-robustness", caption, [Column(say("Rung")), *columns], rows, "robustness")


def _cells(found: Robustness | None, metric: Metric, num_columns: int) -> list[Cell]:
    if found is None:
        return [Cell(say("not measured"), style="quiet", span=num_columns)]
    text = partial(amount_text, metric)
    means = [float(np.mean([each.value for each in scores])) for scores in found.scores.values()]
    ends = [_with_interval(each, metric) for each in (found.clean, found.mean)]
    cells = [ends[0], *(amount(mean, text) for mean in means), replace(ends[1], is_strong=True)]
    return [replace(cell, shown=cell.shown or "–") for cell in cells]


def _with_interval(found: Score, metric: Metric) -> Cell:
    cell = amount(found.value, partial(amount_text, metric))
    is_known = math.isfinite(found.high - found.low)
    return replace(cell, quiet=interval_text(metric, found.low, found.high)) if is_known else cell
