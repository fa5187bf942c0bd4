"""`rungwise demo`: two climbs on data that scikit-learn carries."""

from __future__ import annotations

import click

from rungwise.cli.options import program

_RUNGS = ("logistic-regression", "hog-svm", "lenet", "cnn", "fast-cnn", "vit")
"""For images of 8 × 8 pixels; the deeper networks are for larger ones."""


@click.command(short_help="Climb two small ladders on data that scikit-learn carries.")
@click.option("--budget", default="60s", show_default=True, metavar="TIME", help="For each of the two.")
def command(budget: str) -> None:
    """Climb from linear models up on handwritten digits (images) and on diabetes progression (a table)."""
    from sklearn.datasets import load_diabetes, load_digits

    from rungwise.cli.climbing import climb, make_console, show_data
    from rungwise.ladder import Ladder, free_folder

    console = make_console(stderr=False)
    digits = load_digits()
    images = (digits.images * 255 / 16).round().astype("uint8")
    console.rule("1,797 handwritten digits, 8 × 8 pixels")
    ladder = Ladder("image-classification", rungs=_RUNGS, budget=budget, out=free_folder("demo-digits"))
    ladder.prepare((images, digits.target))
    show_data(ladder, as_json=False)
    climb(ladder, as_json=False)
    console.rule("442 patients, ten measurements: how diabetes progresses in a year")
    ladder = Ladder("tabular-regression", budget=budget, out=free_folder("demo-diabetes"))
    ladder.prepare(load_diabetes(as_frame=True).frame, "target")
    show_data(ladder, as_json=False)
    climb(ladder, as_json=False)
    console.print(f"\nNow yours: {program()} fit my.csv --target label")
