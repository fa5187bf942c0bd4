"""The page's charts, as SVG that takes its colours from the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from rungwise.language import Message, say
from rungwise.metrics.calibration import ReliabilityBin
from rungwise.report.bilingual import attribute, svg_text, svg_title
from rungwise.report.scales import Scale, linear_scale, log_scale

__all__ = [
    "NO_BAR",
    "Line",
    "Point",
    "curves",
    "frame",
    "interval_bar",
    "line_chart",
    "line_key",
    "reliability_chart",
    "residual_chart",
    "score_chart",
    "series_chart",
    "strength_chart",
    "svg",
]

_CHARACTER = 7.6  # pixels of a label's character
_HEIGHT = 16.0  # pixels of a label's line
_SHIFTS = (
    0,
    -14,
    14,
    -28,
    28,
    -44,
    44,
    -60,
    60,
    -76,
    76,
)  # pixels that a label may stand over or under its point
NO_BAR = Markup('<span class="bar"></span>')
"""Where a score is off the scale of its column."""

_APART, _MOST_APART = 5.0, 30.0
"""Pixels between the points of two lines that stand beside each other, and between those of the first and the last."""

_FAR_SHIFT = 20  # from here on a line leads to the label
_MAX_DOTS = 800


@dataclass(frozen=True)
class Point:
    """A rung on the chart of score against cost."""

    name: str
    cost: float
    score: float
    low: float
    high: float
    is_recommended: bool


@dataclass(frozen=True)
class Line:
    """A curve.

    Attributes:
        style: its class.
        x: of its points.
        y: of its points.
        name: what it is of.
        ends: of the points' intervals, where there are some.
    """

    style: str
    x: Sequence[float]
    y: Sequence[float]
    name: str = ""
    ends: Sequence[tuple[float, float]] = ()


def score_chart(
    points: Sequence[Point],
    *,
    size: tuple[int, int],
    axes: tuple[str, str],
    texts: tuple[Callable[[float], str], Callable[[float], str]],
    is_greater_better: bool,
) -> Markup:
    """Scores with their intervals against cost on a logarithmic axis, and a line through those that none dominates.

    Args:
        points: the rungs.
        size: width and height in pixels.
        axes: what the axes are called, x and y.
        texts: how a cost and a score are written.
        is_greater_better: whether a higher score is the better one.
    """
    width, height = size
    least = min((point.cost for point in points if point.cost > 0), default=1.0)
    costs = {point.name: max(point.cost, least / 2) for point in points}
    x = log_scale(list(costs.values()), 56, width - 16, max_ticks=3 if width < 500 else 6)
    ends = [end for point in points for end in (point.low, point.high, point.score)]
    y = linear_scale(ends, height - 52, 30)
    parts = [frame(x, y, height=height, axes=axes, texts=texts)]
    spots = [(x(costs[point.name]), y(point.score), y(point.low), y(point.high)) for point in points]
    parts.append(_front(points, spots, is_greater_better))
    taken = [(left - 6, high - 2, left + 6, low + 2) for left, _, low, high in spots]
    for point, (left, top, low, high) in sorted(zip(points, spots, strict=True), key=lambda p: p[1]):
        label = _place(point.name, (left, top), taken, width, height)
        style = "point recommended" if point.is_recommended else "point"
        told = say(
            "{name}: {score} ({low} to {high}), {cost}",
            name=point.name,
            score=texts[1](point.score),
            low=texts[1](point.low),
            high=texts[1](point.high),
            cost=texts[0](point.cost),
        )
        if abs(label[1] - top) > _FAR_SHIFT:
            near = label[0] - 3 if label[0] > left else label[0] + _CHARACTER * len(point.name)
            parts.append(f'<path class="grid" d="M{left:.1f} {top:.1f}L{near:.1f} {label[1] - 4:.1f}"/>')
        parts.append(
            f'<g class="{style}" tabindex="0" role="img" data-rung="{escape(point.name)}"'
            f"{attribute('aria-label', told)}>{svg_title(told)}"
            f'<circle class="halo" cx="{left:.1f}" cy="{top:.1f}" r="11"/>'
            f'<path d="M{left:.1f} {low:.1f}V{high:.1f}M{left - 4:.1f} {low:.1f}h8M{left - 4:.1f} {high:.1f}h8"/>'
            f'<circle cx="{left:.1f}" cy="{top:.1f}" r="{5.5 if point.is_recommended else 4.5}"/>'
            f'<text x="{label[0]:.1f}" y="{label[1]:.1f}">{escape(point.name)}</text></g>'
        )
    about = say(
        "{score} against {cost}, a point a rung; the table has the numbers", score=axes[1], cost=axes[0]
    )
    return svg(parts, width, height, about, role="group")


def _front(
    points: Sequence[Point], spots: Sequence[tuple[float, float, float, float]], is_greater_better: bool
) -> str:
    """A line through the points that no other one beats in score without costing more, in steps."""
    sign = -1 if is_greater_better else 1
    ordered = sorted(zip(points, spots, strict=True), key=lambda pair: (pair[0].cost, sign * pair[0].score))
    front: list[tuple[float, float]] = []
    least = math.inf
    for point, (left, top, _, _) in ordered:
        if sign * point.score < least:
            least = sign * point.score
            front.append((left, top))
    steps = [f"M{front[0][0]:.1f} {front[0][1]:.1f}", *(f"H{left:.1f}V{top:.1f}" for left, top in front[1:])]
    return f'<path class="front" d="{"".join(steps)}"/>' if len(front) > 1 else ""


Box = tuple[float, float, float, float]


def _place(
    name: str, spot: tuple[float, float], taken: list[Box], width: float, height: float
) -> tuple[float, float]:
    """Where a label begins so that it covers nothing; adds its box to those taken."""
    left, top = spot
    long = _CHARACTER * len(name)
    starts = [(left + side, top + 4 + shift) for shift in _SHIFTS for side in (10, -10 - long)]
    boxes = [(x, y - _HEIGHT + 4, x + long, y + 4) for x, y in starts]
    inside = [box[0] >= 54 and box[2] <= width and box[1] >= 8 and box[3] <= height - 48 for box in boxes]
    costs = [
        sum(_overlap(box, other) for other in taken) + (0 if is_inside else 1e6)
        for box, is_inside in zip(boxes, inside, strict=True)
    ]
    best = costs.index(min(costs))
    taken.append(boxes[best])
    return starts[best]


def _overlap(first: Box, second: Box) -> float:
    across = min(first[2], second[2]) - max(first[0], second[0])
    down = min(first[3], second[3]) - max(first[1], second[1])
    return max(across, 0) * max(down, 0)


def line_chart(lines: Sequence[Line], *, name: str, size: tuple[int, int] = (320, 190)) -> Markup:
    """Loss by epoch, a curve each for training and validation."""
    width, height = size
    x = linear_scale([value for line in lines for value in line.x], 44, width - 10, num_ticks=4)
    y = linear_scale([value for line in lines for value in line.y], height - 34, 10, num_ticks=4)
    parts = [frame(x, y, height=height, axes=(say("epoch"), ""), texts=(_plain, _plain))]
    return svg([*parts, *curves(lines, x, y)], width, height, say("Loss of {name} by epoch", name=name))


def strength_chart(
    lines: Sequence[Line],
    *,
    label: Message,
    unit: Message,
    strengths: Sequence[str],
    pictures: Sequence[str],
    span: tuple[float, float],
    text: Callable[[float], str],
) -> Markup:
    """Scores by strength, in even steps, each above a picture of what it means, with their intervals.

    Args:
        lines: of the rungs; x is the number of the strength, from 0. They stand beside each other, as their bars would
            cover each other.
        label: what the chart shows.
        unit: of the strengths.
        strengths: as they are written.
        pictures: data URIs, one for each strength, or none.
        span: the least and the greatest score of all such charts, which have one axis.
        text: how a score is written.
    """
    width, height, start = 330, 290, 36
    count = len(strengths)
    side = (width - start) / count
    height -= 0 if pictures else round(side)
    x = Scale(-0.5, count - 0.5, start, width, tuple(range(count)))
    y = linear_scale(span, height - side * bool(pictures) - 46, 8, num_ticks=4)
    apart = min(_APART, _MOST_APART / max(1, len(lines) - 1)) / side
    shifts = [(number - (len(lines) - 1) / 2) * apart for number in range(len(lines))]
    beside = [
        replace(line, x=[step + shift for step in line.x]) for line, shift in zip(lines, shifts, strict=True)
    ]
    parts = [
        frame(x, y, height=height, axes=(unit, ""), texts=(lambda step: strengths[round(step)], text)),
        *(_bars(line, x, y) for line in beside),
        *curves(beside, x, y),
    ]
    for step, picture in enumerate(pictures):
        parts.append(
            f'<image href="{escape(picture)}" x="{x(step) - side / 2 + 2:.1f}" y="{y.start + 26:.1f}"'
            f' width="{side - 4:.1f}" height="{side - 4:.1f}"/>'
        )
    return svg(parts, width, height, label)


def _bars(line: Line, x: Scale, y: Scale) -> str:
    """The intervals of a line's points, where they are known."""
    bars = [
        f"M{x(at):.1f} {y(low):.1f}V{y(high):.1f}"
        for at, (low, high) in zip(line.x, line.ends, strict=False)
        if math.isfinite(high - low)
    ]
    return f'<path class="ends {line.style}" d="{"".join(bars)}"/>' if bars else ""


def line_key(style: str) -> Markup:
    """How a line looks, for a legend."""
    line = f'<path class="{escape(style)}" d="M1 6H35"/>'
    return Markup(f'<svg class="chart key" viewBox="0 0 36 12" aria-hidden="true">{line}</svg>')


def curves(lines: Sequence[Line], x: Scale, y: Scale) -> list[str]:
    """The lines, in order, with their names; values that aren't defined are left out."""
    drawn = []
    for line in lines:
        known = [(a, b) for a, b in zip(line.x, line.y, strict=True) if math.isfinite(b)]
        points = [f"{x(a):.1f} {y(b):.1f}" for a, b in known]
        told = f"<title>{escape(line.name)}</title>" if line.name else ""
        drawn.append(f'<path class="{line.style}" d="M{"L".join(points)}">{told}</path>' if points else "")
    return drawn


def series_chart(
    values: Sequence[float], *, name: Message, x_title: Message, size: tuple[int, int] = (320, 190)
) -> Markup:
    """Positive numbers by their place, on a logarithmic axis."""
    width, height = size
    x = linear_scale(range(len(values)), 52, width - 10, num_ticks=4)
    y = log_scale(values, height - 34, 10, max_ticks=4)
    points = [f"{x(place):.1f} {y(value):.1f}" for place, value in enumerate(values)]
    curve = f'<path class="valid_loss" d="M{"L".join(points)}"/>'
    around = frame(x, y, height=height, axes=(x_title, ""), texts=(_plain, _plain))
    return svg([around, curve], width, height, say("{name} by {x_title}", name=name, x_title=x_title))


def residual_chart(
    target: NDArray[np.float64],
    prediction: NDArray[np.float64],
    *,
    name: str,
    size: tuple[int, int] = (480, 420),
) -> Markup:
    """Predicted against true numbers, evenly chosen where there are many; what is right lies on the diagonal."""
    width, height = size
    chosen = np.linspace(0, len(target) - 1, min(len(target), _MAX_DOTS)).astype(int)
    truths, guesses = target[chosen].tolist(), prediction[chosen].tolist()
    x, y = linear_scale(truths, 64, width - 12), linear_scale([*guesses, *truths], height - 46, 24)
    parts = [frame(x, y, height=height, axes=(say("true"), say("predicted")), texts=(_plain, _plain))]
    ends = [f"{x(end):.1f} {y(end):.1f}" for end in (x.low, x.high)]
    parts.append(f'<path class="right" d="M{"L".join(ends)}"/>')
    dots = "".join(f"M{x(a):.1f} {y(b):.1f}h0" for a, b in zip(truths, guesses, strict=True))
    parts.append(f'<path class="dots" d="{dots}"/>')
    return svg(parts, width, height, say("Predictions of {name} against the true values", name=name))


def reliability_chart(bins: Sequence[ReliabilityBin], name: str) -> Markup:
    """The share that is right by the confidence, each with its interval, and the line on which both are equal."""
    width, height = 260, 220
    x, y = linear_scale([0, 1], 40, width - 12), linear_scale([0, 1], height - 40, 24)
    parts = [
        frame(x, y, height=height, axes=(say("confidence, %"), say("right, %")), texts=(_percent, _percent))
    ]
    parts.append(f'<path class="trivial" d="M{x(0):.1f} {y(0):.1f}L{x(1):.1f} {y(1):.1f}"/>')
    for each in bins:
        at = x(each.confidence)
        parts.append(
            f'<g class="point recommended"><path d="M{at:.1f} {y(each.low):.1f}V{y(each.high):.1f}"/>'
            f'<circle cx="{at:.1f}" cy="{y(each.accuracy):.1f}" r="3"/></g>'
        )
    return svg(parts, width, height, say("reliability of {name}; the table has its error", name=name))


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"


def interval_bar(value: float, low: float, high: float, scale: Scale) -> Markup:
    """A score and its interval on the common scale of a table's column."""
    return Markup(
        f'<svg class="bar" viewBox="0 0 {scale.end:g} 12" width="{scale.end:g}" height="12" aria-hidden="true">'
        f'<path d="M{scale(low):.1f} 6H{scale(high):.1f}"/><circle cx="{scale(value):.1f}" cy="6" r="3"/></svg>'
    )


def _plain(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def frame(
    x: Scale,
    y: Scale,
    *,
    height: int,
    axes: tuple[str, str],
    texts: tuple[Callable[[float], str], Callable[[float], str]],
) -> str:
    """Axes: lines across at the ticks of y, ticks of x under them, and their names."""
    parts = []
    for tick in y.ticks:
        parts.append(f'<path class="grid" d="M{x.start:.0f} {y(tick):.1f}H{x.end:.0f}"/>')
        parts.append(
            f'<text class="tick y" x="{x.start - 8:.0f}" y="{y(tick) + 4:.1f}">{escape(texts[1](tick))}</text>'
        )
    for tick in x.ticks:
        parts.append(
            f'<text class="tick x" x="{x(tick):.1f}" y="{y.start + 18:.0f}">{escape(texts[0](tick))}</text>'
        )
    parts.append(f'<path class="axis" d="M{x.start:.0f} {y.start:.0f}H{x.end:.0f}"/>')
    middle = (x.start + x.end) / 2
    parts.append(f'<text class="name x" x="{middle:.0f}" y="{height - 4}">{svg_text(axes[0])}</text>')
    parts.append(f'<text class="name" x="4" y="14">{svg_text(axes[1])}</text>' if axes[1] else "")
    return "".join(parts)


def svg(parts: Sequence[str], width: int, height: int, label: Message, role: str = "img") -> Markup:
    """A chart of these parts, with what it is called for those who don't see it."""
    body = "".join(parts)
    return Markup(  # all that came from outside was escaped where it was put in
        f'<svg class="chart" role="{role}"{attribute("aria-label", label)} viewBox="0 0 {width} {height}"'
        f' style="max-width:{width}px">{body}</svg>'
    )
