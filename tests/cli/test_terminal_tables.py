"""The leaderboard in terminals of every width."""

import io

import pandas as pd
import pytest
from rich.cells import cell_len
from rich.console import Console

from rungwise.cli.tables import leaderboard_table
from rungwise.evaluation.leaderboard import COLUMNS
from rungwise.language import Language

NUMBERS = dict.fromkeys(COLUMNS, 0.5)
ROWS = [
    NUMBERS | {"rung": "baseline", "num_seeds": 1, "status": "done", "reason": None},
    NUMBERS | {"rung": "logistic-regression", "num_seeds": 3, "status": "done", "reason": None},
    NUMBERS
    | {"rung": "bert", "num_seeds": 1, "status": "failed", "reason": f"out of memory: {'so much ' * 40}"},
]
LEAST_NEEDED = [
    *("(expected)", "pred", "params", "CPU", "memory", "over seeds", "robust", "valid"),
    *("model", "latency", "fit"),
]


def shown(width, language=Language.ENGLISH, *, is_terminal=True):
    """The lines of the table, and the headings that were left out."""
    console = Console(file=io.StringIO(), width=width, force_terminal=is_terminal, color_system=None)
    board = pd.DataFrame(ROWS, columns=list(COLUMNS))
    table, left_out = leaderboard_table(console, board, "accuracy", "logistic-regression", language)
    console.print(table)
    return console.file.getvalue().splitlines(), left_out


@pytest.mark.parametrize("width", [66, 80, 100, 120, 160, 200])
@pytest.mark.parametrize("language", Language)
def test_every_rung_has_one_line_of_a_terminal_and_nothing_needed_is_cut(width, language):
    lines, left_out = shown(width, language)
    _, _, headings, _, *rows, _ = lines
    assert [row.split()[0] for row in rows] == [row["rung"] for row in ROWS]
    assert max(map(cell_len, lines)) <= width
    assert all("50.0 (50.0 " in row for row in rows)
    assert "logistic-regression ← " in rows[1]
    assert rows[2].rstrip().endswith("…")
    if language is Language.ENGLISH:
        assert "failed" in rows[2]
        assert left_out == LEAST_NEEDED[: len(left_out)]
        assert not set(left_out) & set(headings.split())


def test_the_wider_a_terminal_the_fewer_columns_are_left_out():
    counts = [len(shown(width)[1]) for width in (40, 80, 100, 120, 160, 220)]
    assert counts == sorted(counts, reverse=True)
    assert (counts[0], counts[-1]) == (len(LEAST_NEEDED), 0)


def test_what_is_no_terminal_gets_all_columns_and_whole_reasons():
    lines, left_out = shown(200, is_terminal=False)
    assert left_out == []
    assert all(heading in lines[2] for heading in LEAST_NEEDED)
    assert " ".join(lines).count("so much") == 40
