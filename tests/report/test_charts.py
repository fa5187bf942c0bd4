import re
import xml.etree.ElementTree as ElementTree

import numpy as np

from rungwise.report.charts import Line, Point, line_chart, residual_chart, score_chart, strength_chart


def drawn(points, size=(920, 420)):
    return score_chart(points, size=size, axes=("cost", "<score>"), texts=(str, str), is_greater_better=True)


def point(name, cost, score, is_recommended=False):
    return Point(name, cost, score, score - 0.01, score + 0.01, is_recommended)


def by_strength(lines):
    return strength_chart(
        lines,
        label="accuracy by <strength>",
        unit="% of <this>",
        strengths=["0", "3", "<6"],
        pictures=["data:image/png;base64,"] * 3,
        span=(0.5, 0.9),
        text=str,
    )


def test_charts_are_well_formed_and_named():
    charts = [
        drawn([point("svm", 0.0, 0.8), point("a<b&c", 5.0, 0.9, True)]),
        line_chart([Line("train_loss", [1, 2], [0.5, 0.4])], name="lstm"),
        residual_chart(np.arange(5.0), np.arange(5.0) + 1, name="svm"),
        by_strength([Line("hue1", range(3), [0.9, 0.8, 0.5], "a<b&c")]),
    ]
    for chart in charts:
        root = ElementTree.fromstring(str(chart))
        assert root.get("role") in ("img", "group")
        assert root.get("aria-label")


def test_labels_of_close_rungs_do_not_cover_each_other():
    for size in ((920, 420), (350, 380)):
        points = [point(f"rung-{number}", 10 + number / 10, 0.9 + number / 1000) for number in range(5)]
        points += [point("baseline", 0.001, 0.5)]
        found = re.findall(r'<text x="([\d.]+)" y="([\d.]+)">(?:rung|baseline)', str(drawn(points, size)))
        places = [(float(x), float(y)) for x, y in found]
        assert len(places) == 6
        for number, (x, y) in enumerate(places):
            assert 0 <= x <= size[0]
            assert all(abs(x - a) > 45 or abs(y - b) >= 12 for a, b in places[:number])


def test_the_recommended_rung_is_marked_once():
    chart = str(drawn([point("svm", 1.0, 0.8), point("lstm", 5.0, 0.9, True)]))
    assert chart.count("recommended") == 1
    assert "lstm: 0.9 (0.89 to 0.91), 5.0" in chart


def test_many_residuals_are_thinned_out():
    numbers = np.random.default_rng(0).normal(size=50_000)
    assert len(str(residual_chart(numbers, numbers, name="svm"))) < 20_000


def test_pictures_stand_under_the_points_that_they_are_of():
    chart = str(by_strength([Line("hue1", range(3), [0.9, 0.8, 0.5])]))
    [points] = re.findall(r'class="hue1" d="M([^"]+)"', chart)
    places = [float(point.split()[0]) for point in points.split("L")]
    pictures = re.findall(r'<image [^>]*x="([\d.]+)"[^>]*width="([\d.]+)"', chart)
    for place, (start, width) in zip(places, pictures, strict=True):
        assert abs(float(start) + float(width) / 2 - place) < 0.5
