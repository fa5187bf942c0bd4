"""Runs made by hand: real datasets, and predictions that get better from one rung to the next."""

import numpy as np
import pandas as pd

from rungwise import tags as tag_numbers
from rungwise.data import prepare
from rungwise.evaluation import Predictions, append_record, write_json, write_predictions
from rungwise.tasks import task_for

EVIL = "<script>alert('x')</script>"
RUNGS = ("baseline", "svm", "lstm")


def make_run(folder, data, *, target, status="done", rungs=RUNGS, **options):
    """A run of rungs whose predictions get better from one to the next."""
    dataset = prepare(data, target=target, folder=folder / "data", **options)
    task = task_for(dataset.pair)
    for order, rung in enumerate(rungs):
        append_record(folder, record(rung, order, status))
        if status == "done":
            for part in ("valid", "test"):
                write_predictions(folder, rung, part, predicted(dataset, part, order))
    config = {"task": task.name, "metric": task.default_metric, "budget": 600.0, "seed": 0, "settings": {}}
    write_json(
        folder / "config.json", config | {"environment": {"python": "3.11", "packages": {"numpy": "2.0"}}}
    )
    return dataset


def record(rung, order, status):
    history = (
        [{"epoch": e, "train_loss": 1 / e, "valid_loss": 2 / e} for e in (1, 2, 3)] if rung == "lstm" else []
    )
    costs = {"fit_seconds": 1.0, "fit_cpu_seconds": 10.0**order, "model_bytes": 1000, "parameters": 7}
    reason = None if status == "done" else "out of memory"
    return {
        "type": "rung",
        "rung": rung,
        "order": order,
        "status": status,
        "reason": reason,
        "history": history,
        **costs,
    }


def predicted(dataset, part, order):
    rng = np.random.default_rng(order)
    targets = dataset.targets(part)
    if dataset.classes is None:
        return Predictions(
            targets, targets + rng.normal(scale=targets.std() / (order + 1), size=len(targets))
        )
    numbers = {name: number for number, name in enumerate(dataset.classes.tolist())}
    target = np.array([numbers.get(name, -1) for name in targets.tolist()])
    weights = rng.dirichlet(np.ones(len(numbers)), len(target))
    weights[np.arange(len(target)), target] += 0.5 * order
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    return Predictions(target, probabilities.argmax(1), probabilities)


def text_run(folder):
    """A run on texts of two classes, one of which is an attack."""
    rng = np.random.default_rng(0)
    words = ["很好", "not so good at all", EVIL, "一般般", "a fine film about nothing"]
    rows = [
        f"{words[i % 5]} number {i} of the reviews that were written, {rng.integers(1e6)}" for i in range(200)
    ]
    labels = [("差评", EVIL)[i % 2] for i in range(200)]
    make_run(folder, pd.DataFrame({"text": rows, "label": labels}), target="label")
    return folder


TAGGED = pd.DataFrame(
    {
        "tokens": [[EVIL, "met", f"No{n}", "in", "Rome"] + ["again"] * 100 * (n == 39) for n in range(40)],
        "tags": [["B-PER", "O", "B-NUM", "O", "B-LOC"] + ["O"] * 100 * (n == 39) for n in range(40)],
    }
)


def tagged_run(folder, data=TAGGED):
    """A run on sentences whose one rung takes PER for LOC, misses every NUM, and is right of LOC."""
    dataset = prepare(data, folder=folder / "data")
    append_record(folder, record("svm", 0, "done"))
    names = tuple(dataset.classes.tolist())
    for part in ("valid", "test"):
        rows = dataset.targets(part).to_pylist()
        offsets = np.cumsum([0, *map(len, rows)])
        values = np.array([names.index(tag) for row in rows for tag in row])
        said = values.copy()
        said[values == names.index("B-PER")] = names.index("B-LOC")
        said[values == names.index("B-NUM")] = 0
        write_predictions(
            folder,
            "svm",
            part,
            Predictions(*(tag_numbers.Tags(side, offsets) for side in (values, said)), tags=names),
        )
    task = task_for(dataset.pair)
    config = {"task": task.name, "metric": task.default_metric, "budget": 600.0, "seed": 0, "settings": {}}
    write_json(folder / "config.json", config | {"environment": {"python": "3.11", "packages": {}}})
    return dataset
