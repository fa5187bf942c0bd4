"""Roles of predicates in columns: brackets, tags, spans beside CoNLL-U; what is wrong with them, by line."""

from __future__ import annotations

import pyarrow as pa
import pytest

from rungwise.data import prepare, read
from rungwise.errors import DataError
from rungwise.kinds import InputKind, OutputKind
from rungwise.ladder.predict import write_tables

TOKENS = ["The", "dog", "chased", "cats", "and", "slept", "."]
CHASED = ["B-A0", "I-A0", "B-V", "B-A1", "O", "O", "O"]
SLEPT = ["B-A0", "I-A0", "O", "O", "O", "B-V", "O"]
EXPECTED = [
    {"tokens": TOKENS, "predicate": 2, "tags": CHASED},
    {"tokens": TOKENS, "predicate": 5, "tags": SLEPT},
]
CHASED_IN_BRACKETS = ["(A0*", "*)", "(V*)", "(A1*)", "*", "*", "*"]
SLEPT_IN_BRACKETS = ["(A0*", "*)", "*", "*", "*", "(V*)", "*"]
VERBS = ["-", "-", "chase", "-", "-", "sleep", "-"]


def lines(*columns, separator="\t"):
    return "".join(separator.join(row) + "\n" for row in zip(*columns, strict=True)) + "\n"


def conllu(*more, nothing="_"):
    numbers = [str(n) for n in range(1, 8)]
    return [numbers, TOKENS, *[[nothing] * 7] * 8, *more]


FORMS = {
    "CoNLL-2005": lines(TOKENS, ["NN"] * 7, VERBS, CHASED_IN_BRACKETS, SLEPT_IN_BRACKETS, separator="   "),
    "tags": lines(TOKENS, VERBS, CHASED, SLEPT),
    "CoNLL-2012": lines(
        ["bc/cnn"] * 7,
        ["0"] * 7,
        [str(n) for n in range(7)],
        TOKENS,
        ["NN"] * 7,
        VERBS,
        CHASED_IN_BRACKETS,
        SLEPT_IN_BRACKETS,
        ["(7)", *["-"] * 6],
    ),
    "CoNLL-U and roles": lines(
        *conllu([v.replace("-", "_") for v in VERBS], CHASED_IN_BRACKETS, SLEPT_IN_BRACKETS)
    ),
    "UP 2": "# global.columns = ID FORM LEMMA UPOS XPOS FEATS HEAD DEPREL DEPS MISC UP:PRED UP:ARGHEADS UP:ARGSPANS\n"
    + lines(
        *conllu(
            [v.replace("-", "_") for v in VERBS],
            ["_"] * 7,
            ["_", "_", "A0:1-2|V:3|A1:4", "_", "_", "A0:1-2|V:6", "_"],
        )
    ),
}


def write(tmp_path, content, name="data.conllu"):
    file = tmp_path / name
    file.write_text(content, encoding="utf-8")
    return file


def rows(source):
    return source.table.select(["tokens", "predicate", "tags"]).to_pylist()


@pytest.mark.parametrize("form", FORMS)
def test_a_sentence_becomes_a_row_for_each_predicate(form, tmp_path):
    none = FORMS[form].splitlines()[-1].split("\t" if "\t" in FORMS[form] else None)
    assert len(none) == 0 or none == [""]  # the sentence ends with a blank line
    assert rows(read(write(tmp_path, FORMS[form] * 2))) == EXPECTED * 2
    other = write(tmp_path, FORMS[form], "train.txt")
    assert rows(read(other, kind=InputKind.PREDICATE)) == EXPECTED


def test_words_of_several_tokens_and_sentences_without_predicates_are_passed_over(tmp_path):
    text = "# sent_id = 1\n1-2\tI'm\t_\t_\n1\tI\t_\tO\n2\tam\tbe.01\tB-V\n2.1\tnot\t_\tO\n\n1\tYes\t_\n2\tsir\t_\n\n"
    assert rows(read(write(tmp_path, text))) == [
        {"tokens": ["I", "am"], "predicate": 1, "tags": ["O", "B-V"]}
    ]


def test_of_brackets_within_others_the_outer_ones_count(tmp_path):
    cells = ["(A1*", "(A2*", "*)", "*)", "*", "(V*)", "*"]
    text = lines(TOKENS, [*["-"] * 5, "sleep", "-"], cells)
    assert rows(read(write(tmp_path, text)))[0]["tags"] == ["B-A1", "I-A1", "I-A1", "I-A1", "O", "B-V", "O"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lines(["a", "b"], ["-", "see"], ["(A0*", "(V*)"]), "line 2: the bracket of 'A0' isn't closed"),
        (lines(["a", "b"], ["-", "see"], ["*)", "(V*)"]), r"line 1: '\*\)' closes a bracket that isn't open"),
        ("a\t-\t*\nb\tsee\n", "line 2: it has 2 columns, the line before 3"),
        (lines(["a", "b"], ["x", "y"]), "no column marks as many predicates as there are columns of roles"),
        ("\n\n# nothing\n", "it has no sentences"),
        (
            "# global.columns = ID FORM UP:PRED UP:ARGSPANS\n1\ta\t_\n",
            "line 2: it has 3 columns, and 4 are named",
        ),
        (FORMS["UP 2"].replace("A0:1-2|V:3", "A0:1-9"), "line 4: the roles 'A0:1-9' are no TYPE:FIRST-LAST"),
        (FORMS["UP 2"].replace("A0:1-2|V:3", "A0:1-4"), "line 4: the roles .* overlap"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(content, message, tmp_path):
    with pytest.raises(DataError, match=message):
        read(write(tmp_path, content))


def test_a_dataset_of_roles_from_columns(tmp_path):
    sentences = [
        lines([f"dog{n}", "barks", "."], ["-", "bark", "-"], ["(A0*)", "(V*)", "*"]) for n in range(30)
    ]
    test = write(tmp_path, "".join(sentences[:5]), "test.conllu")
    dataset = prepare(write(tmp_path, "".join(sentences), "train.conllu"), test=test)
    assert dataset.pair == (InputKind.PREDICATE, OutputKind.TAGS)
    assert dataset.classes.tolist() == ["O", "B-A0", "I-A0", "B-V", "I-V"]


def test_tokens_may_stand_behind_their_numbers(tmp_path):
    file = write(tmp_path, "1\tEU\tB-ORG\n2\trejects\tO\n\n1\tPeter\tB-PER\n", "data.conll")
    assert read(file).table["tokens"].to_pylist() == [["EU", "rejects"], ["Peter"]]
    file = write(tmp_path, "2020 O\nwas O\n\n7 O\n8 O\n", "years.conll")
    assert read(file).table["tokens"].to_pylist() == [["2020", "was"], ["7", "8"]]


def tokens_of(path, **options):
    return read(path, **options).table["tokens"].to_pylist()


@pytest.mark.parametrize("separator", ["\t", " "])
def test_numbers_with_points_and_hashes_are_tokens_where_nothing_numbers_them(separator, tmp_path):
    text = lines(["3-4", "came"], ["-", "come"], ["(A1*)", "(V*)"], separator=separator)
    text += lines(
        ["#", "3.5", "is", "#"], ["-", "-", "be", "-"], ["(A1*", "*)", "(V*)", "*"], separator=separator
    )
    comments = "# a comment\n# sent_id = 1\n#\n"
    file = write(tmp_path, comments + text + comments)
    for has_target in (True, False):
        options = {"kind": InputKind.PREDICATE, "has_target": has_target}
        assert tokens_of(file, **options) == [["3-4", "came"], ["#", "3.5", "is", "#"]]


@pytest.mark.parametrize("has_target", [True, False])
def test_sentences_without_a_predicate_are_counted(has_target, tmp_path):
    text = FORMS["CoNLL-2005"] + lines(["Yes", "sir"], ["UH", "NN"], ["-", "-"]) + FORMS["CoNLL-2005"]
    source = read(write(tmp_path, text), kind=InputKind.PREDICATE, has_target=has_target)
    assert len(source.table) == 4
    assert [note.message for note in source.notes] == [
        f"{tmp_path}/data.conllu: 1 of 3 sentences have no predicate and are left out."
    ]


def test_lines_are_right_behind_lines_that_are_passed_over(tmp_path):
    text = "# sent_id = 1\n1-2\tI'm\t_\t_\n1\tI\t_\tO\n2\tam\tbe.01\tB-V\n2.1\tx\t_\tO\n3\tso\t_\tI-A\n"
    [note] = read(write(tmp_path, text)).notes
    assert "1 tags go on with no span of their type, at line 6" in note.message


def without_roles(text):
    """The same without the last two columns."""
    rows = [line.split("\t" if "\t" in line else None) for line in text.splitlines()]
    return "".join("\t".join(row[:-2]) + "\n" for row in rows)


@pytest.mark.parametrize("form", ["CoNLL-2005", "tags", "CoNLL-U and roles"])
def test_new_sentences_need_no_roles(form, tmp_path):
    file = write(tmp_path, without_roles(FORMS[form]) * 2)
    expected = [{name: row[name] for name in ("tokens", "predicate")} for row in EXPECTED]
    source = read(file, kind=InputKind.PREDICATE, has_target=False)
    assert source.table.to_pylist() == expected * 2
    with_roles = write(tmp_path, FORMS[form], "roles.conllu")
    assert read(with_roles, kind=InputKind.PREDICATE, has_target=False).table.to_pylist() == expected


def test_new_sentences_need_no_roles_where_columns_are_named(tmp_path):
    text = "# global.columns = ID FORM UP:PRED\n1\tdogs\t_\n2\tbark\tbark.01\n\n"
    source = read(write(tmp_path, text), kind=InputKind.PREDICATE, has_target=False)
    assert source.table.to_pylist() == [{"tokens": ["dogs", "bark"], "predicate": 1}]


def test_what_predict_writes_is_read_again(tmp_path):
    table = pa.table({"tokens": [TOKENS] * 2, "tags": [CHASED, ["O"] * 7], "predicate": [2, 6]})
    for rows_ in (table, table.slice(1)):
        file = tmp_path / "out.conll"
        file.unlink(missing_ok=True)
        write_tables(iter([rows_]), str(file))
        source = read(file, kind=InputKind.PREDICATE, has_target=False)
        assert source.table.to_pylist() == rows_.drop_columns(["tags"]).to_pylist()
    write_tables(iter([table]), str(tmp_path / "both.conll"))
    assert rows(read(tmp_path / "both.conll", kind=InputKind.PREDICATE)) == table.to_pylist()


@pytest.mark.parametrize(
    "text", [lines(*conllu()), lines(TOKENS, ["-", *"abcdef"]), lines(TOKENS, ["NN"] * 7), lines(TOKENS)]
)
def test_columns_in_which_nothing_marks_a_predicate_have_none(text, tmp_path):
    source = read(write(tmp_path, text), kind=InputKind.PREDICATE, has_target=False)
    assert source.table.to_pylist() == [{"tokens": TOKENS}]


@pytest.mark.parametrize(
    ("old", "new"), [("a12\t-\t(A0*", "a12\t-\t(A0"), ("runs\trun\t(V*)\nx12", "runs\t-\t(V*)\nx12")]
)
def test_a_sentence_that_is_not_as_the_others_is_named(old, new, tmp_path):
    text = "".join(f"a{n}\t-\t(A0*\ndog\t-\t*)\nruns\trun\t(V*)\nx{n}\t-\t*\n\n" for n in range(20))
    assert text.count(old) == 1
    file = tmp_path / "data.props"
    file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(
        DataError, match=r"line 61: the sentence from here on hasn't a column of roles for each"
    ):
        read(file, kind=InputKind.PREDICATE)
