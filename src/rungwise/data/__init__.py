"""Files and objects in memory → what learners get."""

from __future__ import annotations

from rungwise.data.arrays import as_images, as_table, as_texts
from rungwise.data.checks import told_twins
from rungwise.data.columns import Column
from rungwise.data.dataset import Dataset, read_notes
from rungwise.data.folds import are_even, fold, num_folds
from rungwise.data.newdata import NewInputs, inputs_for
from rungwise.data.portions import ASIDE, Portion
from rungwise.data.prepare import prepare
from rungwise.data.reading import check_exists, read
from rungwise.data.sample import sample_rows, train_sample
from rungwise.data.sentences import as_predicates, as_tokens
from rungwise.data.source import Level, Note, Source
from rungwise.data.subsets import STARTS, judged_rows, subset

__all__ = [
    "ASIDE",
    "STARTS",
    "Column",
    "Dataset",
    "Level",
    "NewInputs",
    "Note",
    "Portion",
    "Source",
    "are_even",
    "as_images",
    "as_predicates",
    "as_table",
    "as_texts",
    "as_tokens",
    "check_exists",
    "fold",
    "inputs_for",
    "judged_rows",
    "num_folds",
    "prepare",
    "read",
    "read_notes",
    "sample_rows",
    "subset",
    "told_twins",
    "train_sample",
]
