"""Sentences with tags from files: columns in every scheme, JSON lines, and what is wrong with them, by line."""

from __future__ import annotations

import gzip
import json
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.data import prepare, read
from rungwise.data.limits import MAX_SENTENCE_TOKENS, MAX_TAG_TYPES
from rungwise.data.schemes import to_bio
from rungwise.data.sentences import Sentences
from rungwise.data.tokenizing import cut, spans_to_tags
from rungwise.errors import ConfigError, DataError, RungwiseError, UnknownNameError
from rungwise.kinds import SENTENCE_KINDS, InputKind, OutputKind

TOKENS = ["Ada", "Lovelace", "met", "Charles", "Babbage", "in", "London", "."]
BIO = ["B-PER", "I-PER", "O", "B-PER", "I-PER", "O", "B-LOC", "O"]
SCHEMES = {
    "BIO2": BIO,
    "IOB1": ["I-PER", "I-PER", "O", "I-PER", "I-PER", "O", "I-LOC", "O"],
    "BIOES": ["B-PER", "E-PER", "O", "B-PER", "E-PER", "O", "S-LOC", "O"],
    "BILOU": ["B-PER", "L-PER", "O", "B-PER", "L-PER", "O", "U-LOC", "O"],
    "BMES": ["B-PER", "E-PER", "O", "B-PER", "E-PER", "O", "S-LOC", "O"],
    "IO": ["PER", "PER", "O", "PER", "PER", "O", "LOC", "O"],
}


def write(tmp_path, content, name="data.conll"):
    file = tmp_path / name
    if name.endswith(".gz"):
        file.write_bytes(gzip.compress(content.encode()))
    else:
        file.write_text(content, encoding="utf-8")
    return file


def columns(tags, separator="\t", tokens=TOKENS):
    return "".join(f"{token}{separator}{tag}\n" for token, tag in zip(tokens, tags, strict=True))


def rows(source):
    return source.table.select(["tokens", "tags"]).to_pylist()


def messages(source):
    return [note.message for note in source.notes]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("separator", ["\t", " ", "   ", ",", ";", "|", ", "])
def test_columns_of_every_scheme_become_bio(scheme, separator, tmp_path):
    source = read(
        write(tmp_path, columns(SCHEMES[scheme], separator) + "\n" + columns(SCHEMES[scheme], separator))
    )
    assert rows(source) == [{"tokens": TOKENS, "tags": BIO}] * 2
    assert bool(messages(source)) is (scheme != "BIO2")


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_what_conll_files_hold_beside_sentences(ends, tmp_path):
    lines = [
        "# a comment",
        "-DOCSTART- -X- -X- O",
        "",
        "EU NNP B-NP B-ORG",
        "rejects VBZ B-VP O",
        " ",
        "-DOCSTART- -X- -X- O",
        "",
        "# id = 7",
        "# NN B-NP O",
        "Peter NNP B-NP B-PER",
    ]
    source = read(write(tmp_path, "\ufeff" + ends.join(lines)))
    assert rows(source) == [
        {"tokens": ["EU", "rejects"], "tags": ["B-ORG", "O"]},
        {"tokens": ["#", "Peter"], "tags": ["O", "B-PER"]},
    ]
    assert source.table["document"].to_pylist() == [1, 2]


def test_the_tags_may_stand_in_another_column(tmp_path):
    file = write(tmp_path, "EU\tB-ORG\tx\nrejects\tO\ty\n")
    assert rows(read(file, target="2")) == [{"tokens": ["EU", "rejects"], "tags": ["B-ORG", "O"]}]
    named = write(tmp_path, "# global.columns = FORM NER OTHER\nEU\tB-ORG\tx\n", "named.conll")
    assert rows(read(named, target="NER")) == [{"tokens": ["EU"], "tags": ["B-ORG"]}]
    with pytest.raises(UnknownNameError, match="column '4' is unknown"):
        read(file, target="4")


def test_files_of_any_name_are_columns_where_sentences_are_wanted(tmp_path):
    file = write(tmp_path, columns(BIO), "train.txt")
    with pytest.raises(DataError, match=r"files of type '.txt' can't be read"):
        read(file)
    assert rows(read(file, kind=InputKind.TOKENS)) == [{"tokens": TOKENS, "tags": BIO}]
    packed = write(tmp_path, columns(BIO), "train.conll.gz")
    assert rows(read(packed)) == [{"tokens": TOKENS, "tags": BIO}]


@pytest.mark.parametrize("mark", [",", ";", "|"])
def test_columns_may_stand_in_quotation_marks(mark, tmp_path):
    content = f'"a{mark}b"{mark}B-X\n"{mark}"{mark}O\n"{mark}O\n""""{mark}O\nit"s{mark}O\n'
    assert rows(read(write(tmp_path, content))) == [
        {"tokens": [f"a{mark}b", mark, '"', '"', 'it"s'], "tags": ["B-X", *["O"] * 4]}
    ]


def test_blanks_that_do_not_break_are_within_a_token(tmp_path):
    file = write(tmp_path, "10\u00a0000 B-NUM\n\u3000 O\nkm O\n")
    assert rows(read(file)) == [{"tokens": ["10\u00a0000", "\u3000", "km"], "tags": ["B-NUM", "O", "O"]}]


def test_marks_within_tokens_are_no_columns(tmp_path):
    file = write(tmp_path, "1,000 B-N\n3,5 O\n")
    assert rows(read(file)) == [{"tokens": ["1,000", "3,5"], "tags": ["B-N", "O"]}]


@pytest.mark.parametrize(
    ("content", "tokens"),
    [
        ("# newdoc\nAda B-PER\nruns O\n", [["Ada", "runs"]]),
        ("# NN O\n10 CD B-N\n\n# doc a\n\n5 CD O\n", [["#", "10"], ["5"]]),
        ("# PER\nAda PER\nin O\n", [["#", "Ada", "in"]]),
        ("#\tO\nAda\tB-PER\n", [["#", "Ada"]]),
    ],
)
@pytest.mark.parametrize("has_target", [True, False])
def test_new_sentences_have_the_tokens_that_they_have_with_tags(content, tokens, has_target, tmp_path):
    assert read(write(tmp_path, content), has_target=has_target).table["tokens"].to_pylist() == tokens


@pytest.mark.parametrize(
    ("content", "tokens"),
    [
        ("1\tO\n2\tO\n\nAda\tB-PER\n", [["1", "2"], ["Ada"]]),
        ("1\tB-PER\n\n2\tO\n\nAda\tO\n", [["1"], ["2"], ["Ada"]]),
        ("1 CD O\n2 CD O\n\nAda NN B-PER\n", [["1", "2"], ["Ada"]]),
        ("1-2\tIm\t_\tO\n1\tI\t_\tO\n2\tam\t_\tB-X\n\n1\tso\t_\tO\n", [["I", "am"], ["so"]]),
        ("1\tI\t_\tO\n2-3\tdo\t_\tO\n2\td\t_\tO\n3\to\t_\tB-X\n3.1\tx\t_\tO\n", [["I", "d", "o"]]),
        ("0\tI\tO\n1\tam\tO\n\n0\tso\tB-X\n\n7\tcut\tO\n", [["I", "am"], ["so"], ["cut"]]),
        ("3-4\tB-X\n3.5\tO\n", [["3-4", "3.5"]]),
    ],
)
@pytest.mark.parametrize("has_target", [True, False])
def test_what_numbers_the_tokens_is_told_from_tokens(content, tokens, has_target, tmp_path):
    assert read(write(tmp_path, content), has_target=has_target).table["tokens"].to_pylist() == tokens


def test_numbers_are_told_where_there_are_no_tags(tmp_path):
    file = write(tmp_path, "1-2\tIm\n1\tI\n2\tam\n\n1\tso\n")
    assert read(file, has_target=False).table["tokens"].to_pylist() == [["I", "am"], ["so"]]


NEW_FORMS = [
    (
        "new.txt",
        "Ada runs home.\nBob met Eve.\n\n",
        [["Ada", "runs", "home", "."], ["Bob", "met", "Eve", "."]],
    ),
    ("new.txt", "我爱\n他\n", [["我", "爱"], ["他"]]),
    ("new.txt", "Ada\nruns\n\nBob\nmet\nEve\n", [["Ada", "runs"], ["Bob", "met", "Eve"]]),
    ("new.txt", "Ada B-PER\nruns O\n", [["Ada", "runs"]]),
    ("new.txt", "Ada\tNN\nruns\tV\n", [["Ada", "runs"]]),
    ("eng.testb", "Ada NN B-PER\nruns V O\n", [["Ada", "runs"]]),
    ("new.csv", 'id,text\n1,Ada runs\n2,"Bob, Eve"\n', [["Ada", "runs"], ["Bob", ",", "Eve"]]),
    (
        "new.csv",
        'id;tokens\n1;Ada runs 3.5m\n2;"Bob ; Eve"\n',
        [["Ada", "runs", "3.5m"], ["Bob", ";", "Eve"]],
    ),
    ("new.tsv", "text\nAda runs\nBob\n", [["Ada", "runs"], ["Bob"]]),
    ("new.csv", "Ada,B-PER\nruns,O\n", [["Ada", "runs"]]),
    ("new.tsv", "text\tO\nruns\tO\n", [["text", "runs"]]),
    ("new.tsv", "Ada\tNN\n\nruns\tV\n", [["Ada"], ["runs"]]),
]


@pytest.mark.parametrize(("name", "content", "tokens"), NEW_FORMS)
@pytest.mark.parametrize("kind", SENTENCE_KINDS)
def test_new_sentences_are_read_by_what_a_file_holds(name, content, tokens, kind, tmp_path):
    source = read(write(tmp_path, content, name), kind=kind, has_target=False)
    assert source.table["tokens"].to_pylist() == tokens


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("new.txt", "Ada runs home.\n\nBob met Eve there.\n"),
        ("new.txt", "我爱北京\n\n我爱上海\n\n我\n"),
        ("new.csv", "id,sentence\n1,Ada runs\n"),
        ("new.tsv", "id\tsentence\n1\tAda runs\n"),
        ("new.md", "Ada runs home.\nBob met Eve.\n"),
    ],
)
def test_new_sentences_in_no_known_form_are_refused(name, content, tmp_path):
    with pytest.raises(DataError, match=r"new sentences are CoNLL columns .*, JSON lines .* or texts"):
        read(write(tmp_path, content, name), kind=InputKind.TOKENS, has_target=False)


def test_texts_in_tables_keep_their_predicates(tmp_path):
    file = write(tmp_path, "text,predicate\nAda runs.,1\n", "new.csv")
    source = read(file, kind=InputKind.PREDICATE, has_target=False)
    assert source.table.select(["tokens", "predicate"]).to_pylist() == [
        {"tokens": ["Ada", "runs", "."], "predicate": 1}
    ]
    file.write_text("text,predicate\nAda runs.,1\nAda.,2\n", encoding="utf-8")
    with pytest.raises(DataError, match="row 2"):
        read(file, kind=InputKind.PREDICATE, has_target=False)


def test_separated_values_hold_sentences_whose_words_stand_between_blanks(tmp_path):
    file = write(tmp_path, "tokens,tags\n Ada  runs ,B-PER O\n3\u00a0km,O\n", "data.csv")
    assert rows(read(file, kind=InputKind.TOKENS)) == [
        {"tokens": ["Ada", "runs"], "tags": ["B-PER", "O"]},
        {"tokens": ["3\u00a0km"], "tags": ["O"]},
    ]
    lists = write(tmp_path, "tokens\n\"['Ada', 'runs']\"\n", "lists.csv")
    with pytest.raises(DataError, match="column 'tokens': its lists are written as strings; write words"):
        read(lists, kind=InputKind.TOKENS, has_target=False)
    empty = write(tmp_path, "id,tokens\n1,\n", "empty.csv")
    with pytest.raises(DataError, match="a sentence or a token is missing"):
        read(empty, kind=InputKind.TOKENS, has_target=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\tO\nb\tO\nc\n", "line 3: it has 1 columns, the others 2: 'c'"),
        ("a\tO\n\nb\tX-PER\n", "line 3: the tag 'X-PER' is of no scheme"),
        ("a\tB-\n", "line 1: the tag 'B-' is of no scheme"),
        ("a\tNN\nb\tVB\n", "line 1: the tag 'NN' is of no scheme"),
        ("a\tO\n\tO\n", "line 2: there is no token"),
        ("\n \n# nothing\n", "it has no sentences"),
        ("", "the file is empty"),
    ],
)
def test_what_is_wrong_with_columns_is_named_with_its_line(content, message, tmp_path):
    with pytest.raises(DataError, match=message):
        read(write(tmp_path, content))


def test_a_file_without_blank_lines_is_no_sentence(tmp_path):
    with pytest.raises(DataError, match=f"line {MAX_SENTENCE_TOKENS + 1}: the sentence has more than"):
        read(write(tmp_path, "a\tO\n" * (MAX_SENTENCE_TOKENS + 1)))


def test_tags_that_are_something_else_are_refused(tmp_path):
    content = "".join(f"a\tB-{n}\n\n" for n in range(MAX_TAG_TYPES + 1))
    with pytest.raises(DataError, match="1,001 types of spans are more than the 1,000"):
        read(write(tmp_path, content))


@pytest.mark.parametrize(
    ("tags", "mended", "count"),
    [
        (["B-A", "I-B", "O", "I-A"], ["B-A", "B-B", "O", "B-A"], 2),
        (["B-A", "B-A", "I-A", "I-B"], ["B-A", "B-A", "I-A", "B-B"], 1),
        (["B-A", "O", "E-A", "S-B"], ["B-A", "O", "B-A", "B-B"], 2),
        (["B-A", "E-A", "I-A", "E-A"], ["B-A", "I-A", "B-A", "I-A"], 1),
    ],
)
def test_illegal_sequences_are_mended_counted_and_named(tags, mended, count, tmp_path):
    source = read(write(tmp_path, columns(tags, tokens=list("abcd"))))
    assert source.table["tags"].to_pylist() == [mended]
    assert f"{count} tags" in messages(source)[-1]
    assert f", at line{'s' * (count > 1)} " in messages(source)[-1]


def test_the_lines_of_the_first_ten_illegal_tags_are_named(tmp_path):
    source = read(
        write(tmp_path, columns(["B-A", *(["O", "I-A"] * 11)], tokens=[f"t{n}" for n in range(23)]))
    )
    assert (
        "11 tags go on with no span of their type, at lines 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, …"
        in messages(source)[-1]
    )


@pytest.mark.parametrize("sign", ["/", ":", "_", "#", "~"])
def test_columns_may_stand_apart_by_any_sign(sign, tmp_path):
    text = "".join(f"in{sign}O\nRome{sign}B-CITY\n\n" for _ in range(4))
    source = read(write(tmp_path, text))
    assert source.table["tokens"].to_pylist() == [["in", "Rome"]] * 4
    assert source.table["tags"].to_pylist() == [["O", "B-CITY"]] * 4


def flat(sentences):
    offsets = np.cumsum([0, *map(len, sentences)])
    return Sentences(pa.array([tag for row in sentences for tag in row], pa.string()), offsets, None)


def spans(sentences):
    """Bounds and types by one pass over names, as conlleval's rules say."""
    found = []
    for number, row in enumerate(sentences):
        before = "O"
        for place, tag in enumerate(row):
            is_same = before != "O" and tag[1:] == before[1:] and tag[0] not in "BS" and before[0] not in "ES"
            if tag != "O" and not is_same:
                found.append([number, place, place + 1, tag[2:]])
            elif tag != "O":
                found[-1][2] = place + 1
            before = tag
    return found


TAGS = [f"{prefix}-{kind}" for prefix in "BIES" for kind in "AB"] + ["O"]


@settings(max_examples=200)
@given(st.lists(st.lists(st.sampled_from(TAGS), min_size=1, max_size=7), min_size=1, max_size=4))
def test_spans_are_those_of_conlleval_whatever_the_tags(sentences):
    bio, _ = to_bio(flat(sentences), lambda at: {"line": at}, "it")
    names = iter(bio.to_pylist())
    mended = [[next(names) for _ in row] for row in sentences]
    assert spans(mended) == spans(sentences)
    assert all(tag[0] in "BIO" for row in mended for tag in row)


# --------------------------------------------------------------------------------------------- JSON lines


def lines(*objects):
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in objects)


@pytest.mark.parametrize("name", ["data.jsonl", "data.jsonl.gz"])
@pytest.mark.parametrize("keys", [("tokens", "tags"), ("words", "ner_tags"), ("tokens", "labels")])
def test_json_lines_of_tokens(name, keys, tmp_path):
    content = lines({keys[0]: TOKENS, keys[1]: SCHEMES["IOB1"], "doc": 3}, {keys[0]: ["a"], keys[1]: ["O"]})
    source = read(write(tmp_path, content, name))
    assert rows(source) == [{"tokens": TOKENS, "tags": BIO}, {"tokens": ["a"], "tags": ["O"]}]


def test_json_lines_of_text_and_spans(tmp_path):
    content = lines(
        {"text": "Ada Lovelace lebt in 北京市。", "spans": [[0, 12, "PER"], [21, 23, "LOC"]]},
        {"text": "no-one", "entities": [{"start": 0, "end": 2, "label": "X"}]},
        {"text": "half words", "label": [[0, 2, "Y"]]},
    )
    assert rows(read(write(tmp_path, content, "data.jsonl"))) == [
        {
            "tokens": ["Ada", "Lovelace", "lebt", "in", "北", "京", "市", "。"],
            "tags": ["B-PER", "I-PER", "O", "O", "B-LOC", "I-LOC", "O", "O"],
        },
        {"tokens": ["no", "-", "one"], "tags": ["B-X", "O", "O"]},
        {"tokens": ["ha", "lf", "words"], "tags": ["B-Y", "O", "O"]},
    ]


@given(st.text(max_size=30))
def test_tokens_are_the_text_without_its_spaces(text):
    pieces = cut(text)
    assert all(text[piece.start : piece.end] == piece.token for piece in pieces)
    assert "".join(piece.token for piece in pieces) == "".join(text.split())


def test_spans_come_back_from_the_tags_of_tokens():
    text, marked = "Dr. O'Neil's 3.5 km run", [(4, 10, "PER"), (13, 19, "LEN")]
    pieces = cut(text, marked)
    assert [piece.token for piece in pieces] == ["Dr", ".", "O'Neil", "'", "s", "3.5", "km", "run"]
    assert spans_to_tags(pieces, marked) == ["O", "O", "B-PER", "O", "O", "B-LEN", "I-LEN", "O"]


@given(st.lists(st.integers(0, 30), max_size=12), st.text("ab 1.\u0301北", max_size=31))
def test_spans_are_those_that_each_token_is_compared_with(edges, text):
    edges = sorted(edges)[: len(edges) // 2 * 2]
    spans = [(a, b, "X") for a, b in zip(edges[::2], edges[1::2], strict=True)]
    pieces = cut(text, spans)
    inside = [[n for n, each in enumerate(pieces) if a <= each.start and each.end <= b] for a, b, _ in spans]
    assert all(not a < edge < b for edge in edges for a, b in ((each.start, each.end) for each in pieces))
    if all(inside):
        tags = spans_to_tags(pieces, spans)
        assert [n for n, tag in enumerate(tags) if tag != "O"] == sorted({n for some in inside for n in some})
        assert [n for n, tag in enumerate(tags) if tag[0] == "B"] == [some[0] for some in inside]
    else:
        with pytest.raises(ValueError, match="holds no word"):
            spans_to_tags(pieces, spans)


def test_long_texts_with_many_spans_are_read_at_once():
    text = "word " * 9000
    spans = [(5 * n, 5 * n + 4, "X") for n in range(0, 9000, 5)]
    start = time.process_time()
    assert spans_to_tags(cut(text, spans), spans).count("B-X") == 1800
    assert time.process_time() - start < 3  # 13 s if each token were compared with each span


def test_json_lines_of_roles(tmp_path):
    row = {"tokens": ["dogs", "bark"], "predicate": 1, "roleset": "bark.01", "tags": ["B-ARG0", "B-V"]}
    source = read(write(tmp_path, lines(row, row), "data.jsonl"))
    assert source.table["predicate"].to_pylist() == [1, 1]
    assert source.table["roleset"].to_pylist() == ["bark.01"] * 2


GOOD = {"tokens": ["a", "b"], "tags": ["O", "B-X"]}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"tokens": ["a"], "tags": ["O", "O"]}, "column 'tags': it has 1 tokens and 2 tags"),
        ({"tokens": ["a"], "tags": [3]}, "the tag 3 is a number, and its name isn't known"),
        ({"tokens": ["a", 1], "tags": ["O", "O"]}, "column 'tokens': tokens are strings, got 1"),
        ({"tokens": [], "tags": []}, "it has no tokens; leave such lines out"),
        ({"tokens": ["a"], "tags": ["X-Y"]}, "the tag 'X-Y' is of no scheme"),
        ({"tokens": ["a"]}, "it has no tags, and the first has"),
        ({"tokens": ["a"], "tags": ["O"], "predicate": 1}, "the predicate 1 is none of its 1 tokens"),
        ({"tokens": ["\ud800"], "tags": ["O"]}, "isn't text"),
        ({"sentence": "a"}, "it has neither `tokens`, a list, nor `text`"),
        ({"text": "a b", "spans": [[0, 9, "X"]]}, "isn't within its text of 3 characters"),
        ({"text": "a b", "spans": [[1, 2, "X"]]}, "holds no word"),
        ({"text": "a b", "spans": [[0, 3, "X"], [2, 3, "Y"]]}, "overlaps another"),
        ({"text": "a b", "spans": [[0, 1]]}, "a span is .first character"),
        ({"text": "  ", "spans": []}, "its text has no words"),
        ([1, 2], "it is .1, 2., no JSON object"),
    ],
)
def test_what_is_wrong_with_json_lines_is_named_with_its_line(row, message, tmp_path):
    content = lines(GOOD) + "\n" + json.dumps(row) + "\n"
    with pytest.raises(DataError, match=f"line 3.*{message}"):
        read(write(tmp_path, content, "data.jsonl"))


@pytest.mark.parametrize("line", ["{", "[" * 5000, '{"tokens": [' + "[" * 3000, "nul"])
def test_lines_that_are_no_json_are_named(line, tmp_path):
    with pytest.raises(DataError, match="line 2: it isn't a JSON object"):
        read(write(tmp_path, lines(GOOD) + line + "\n", "data.jsonl"))


# ------------------------------------------------------------------------------------- tables and pairs


@pytest.mark.parametrize("form", ["frame", "arrow", "dict", "parquet", "pair", "pair of arrays"])
def test_sentences_in_memory_and_in_parquet(form, tmp_path):
    table = pa.table({"tokens": [TOKENS, ["a"]], "tags": [SCHEMES["BIOES"], ["O"]], "doc": [1, 2]})
    file = tmp_path / "data.parquet"
    pq.write_table(table, file)
    data = {
        "frame": table.to_pandas(),
        "arrow": table,
        "dict": table.to_pydict(),
        "parquet": file,
        "pair": (table["tokens"].to_pylist(), table["tags"].to_pylist()),
        "pair of arrays": (table["tokens"], table["tags"]),
    }[form]
    assert rows(read(data)) == [{"tokens": TOKENS, "tags": BIO}, {"tokens": ["a"], "tags": ["O"]}]


def test_tables_name_the_row_that_is_wrong():
    frame = pd.DataFrame({"tokens": [["a"], ["b", "c"]], "tags": [["O"], ["O"]]})
    with pytest.raises(DataError, match="row 2: it has not as many tags as tokens"):
        read(frame)
    with pytest.raises(DataError, match="column 'tags': its tags are numbers, and their names aren't known"):
        read(frame.assign(tags=[[0], [1, 2]]))
    with pytest.raises(DataError, match="row 2, column 'y': tags are strings"):
        prepare((frame["tokens"].tolist(), [["O"], ["O", 1]]))


# ------------------------------------------------------------------------------------------------ prepare


def many(num, *, documents=False, kind="LOC"):
    out = []
    for number in range(num):
        if documents and number % 3 == 0:
            out.append("-DOCSTART- O\n\n")
        out.append(f"sentence O\nnumber{number} B-{kind}\n\n")
    return "".join(out)


def test_a_dataset_of_sentences(tmp_path):
    train, test = write(tmp_path, many(40)), write(tmp_path, many(5) + many(5, kind="NEW"), "test.conll")
    dataset = prepare(train, test=test)
    assert dataset.pair == (InputKind.TOKENS, OutputKind.TAGS)
    assert [dataset.num(part) for part in ("train", "valid", "test")] == [36, 4, 10]
    assert dataset.classes.tolist() == ["O", "B-LOC", "I-LOC"]
    assert dataset.inputs("test")[0].as_py() == ["sentence", "number0"]
    assert dataset.targets("test")[9].as_py() == ["O", "B-NEW"]
    assert dataset.row_numbers("test").tolist() == list(range(1, 11))
    said = " ".join(note.message for note in dataset.notes)
    assert "test has 5 spans of types that train lacks, which count as missed: NEW." in said
    assert "test rows have the same input as a row of train" in said
    assert "train has 36 spans of 1 types: LOC 36." in said
    dataset.check()


def test_documents_stay_together(tmp_path):
    dataset = prepare(write(tmp_path, many(90, documents=True)))
    parts = {}
    for part in ("train", "valid", "test"):
        for row in dataset.row_numbers(part).tolist():
            parts.setdefault((row - 1) // 3, set()).add(part)
    assert all(len(some) == 1 for some in parts.values())
    assert "whole groups of 'document'" in dataset.notes[-2].message + dataset.notes[0].message


def test_all_predicates_of_a_sentence_are_in_one_part(tmp_path):
    content = lines(
        *(
            {"tokens": ["dogs", f"bark{n}", "and", "run"], "predicate": at, "tags": ["B-ARG0", *["O"] * 3]}
            for n in range(30)
            for at in (1, 3)
        )
    )
    dataset = prepare(write(tmp_path, content, "data.jsonl"))
    assert dataset.pair == (InputKind.PREDICATE, OutputKind.TAGS)
    sentences = [
        {row["tokens"][1] for row in dataset.inputs(part).to_pylist()} for part in ("train", "valid", "test")
    ]
    assert sum(map(len, sentences)) == 30
    as_names = prepare(tmp_path / "data.jsonl", pair=(InputKind.TOKENS, OutputKind.TAGS))
    assert as_names.inputs("test").type == pa.list_(pa.string())


@pytest.mark.parametrize(
    ("content", "options", "error", "message"),
    [
        ("a\nb\n", {}, DataError, "its sentences have no tags; it has tokens. Name"),
        ("a O\n\nb O\n" * 9, {}, DataError, "every tag of train is O; there is nothing to learn"),
        (many(30), {"time": "day"}, ConfigError, "time='day': sentences of tokens have neither"),
        (many(30), {"columns": {"a": "text"}}, ConfigError, "a=text: sentences of tokens have neither"),
        (many(30), {"group": "doc"}, UnknownNameError, "column 'doc' is unknown"),
        (
            many(30),
            {"pair": (InputKind.PREDICATE, OutputKind.TAGS)},
            DataError,
            "no column marks as many predicates as there are columns of roles",
        ),
        (
            many(30),
            {"pair": (InputKind.TEXT, OutputKind.LABEL)},
            ConfigError,
            "holds sentences of tokens, not text input",
        ),
    ],
)
def test_what_can_be_no_dataset_is_said(content, options, error, message, tmp_path):
    with pytest.raises(error, match=message):
        prepare(write(tmp_path, content), **options)


def test_roles_need_predicates(tmp_path):
    file = write(tmp_path, lines(*[GOOD] * 20), "data.jsonl")
    with pytest.raises(DataError, match="no predicate, the number of a token, from 0; without, the task is"):
        prepare(file, pair=(InputKind.PREDICATE, OutputKind.TAGS))


def test_sentences_are_wanted_and_there_are_none(tmp_path):
    with pytest.raises(DataError, match="it holds no sentences: there is no list `tokens`"):
        prepare(pd.DataFrame({"a": [1], "b": [2]}), pair=(InputKind.TOKENS, OutputKind.TAGS))
    other = write(tmp_path, "a,b\n1,2\n", "other.csv")
    with pytest.raises(DataError, match="line 1: the tag 'b' is of no scheme"):
        prepare(write(tmp_path, many(30)), test=other)


# ------------------------------------------------------------------------------------------------ hostile

PIECES = [
    *(
        b"\t",
        b" ",
        b",",
        b"\n",
        b"\n\n",
        b"\r",
        b"#",
        b"-DOCSTART-",
        b"B-X",
        b"I-X",
        b"E-X",
        b"O",
        b"(A0*",
        b"*)",
    ),
    *(
        b"*",
        b"1",
        b"2",
        b"_",
        b"\xff",
        b"\0",
        "北".encode(),
        b'{"tokens": ',
        b'"tags": ',
        b'{"text": ',
        b'"spans": ',
    ),
    *(b"[", b"]", b"{", b"}", b'"a"', b", ", b"-1", b"1e999", b"NaN", b"null", b"\\ud800", b"\xef\xbb\xbf"),
    b"# global.columns = ID FORM UP:PRED UP:ARGSPANS\n",
]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join),
    st.sampled_from(["x.conll", "x.jsonl", "x.conllu", "x.txt", "x.csv", "x.tsv"]),
    st.sampled_from([None, *SENTENCE_KINDS]),
    st.booleans(),
)
def test_whatever_a_file_holds_is_read_or_refused_by_name(tmp_path_factory, content, name, kind, has_target):
    file = tmp_path_factory.getbasetemp() / name
    file.write_bytes(content)
    try:
        source = read(file, kind=kind, has_target=has_target)
    except RungwiseError:
        return
    if source.has_sentences:
        for row in source.table.to_pylist():
            assert row["tokens"]
            assert len(row.get("tags", row["tokens"])) == len(row["tokens"])
            assert 0 <= row.get("predicate", 0) < len(row["tokens"])
