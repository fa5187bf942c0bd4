import numpy as np
import pyarrow as pa
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from rungwise.errors import ModelError
from rungwise.preprocessing import ngrams
from rungwise.preprocessing.ngrams import NGrams, Unit, Weighting, batches

WORDS = ["film", "the", "don't", "Über", "good", "a", "plot", "x1", "was"]


def texts(values):
    return pa.chunked_array([pa.array(values, pa.string())])


def make(unit=Unit.WORD, shortest=1, longest=2, **settings):
    return NGrams(unit, shortest, longest, **{"min_df": 1, "max_features": 10_000, **settings})


def sentences(num_texts):
    rng = np.random.default_rng(3)
    return [" ".join(rng.choice(WORDS, rng.integers(1, 12))) for _ in range(num_texts)]


def by_name(rows, names):
    order = np.argsort(names)
    return np.array(names)[order].tolist(), rows.toarray()[:, order]


def test_words_are_weighed_as_scikit_learn_weighs_them():
    data = sentences(50)
    words = make()
    names, rows = by_name(words.fit_transform(texts(data)), words.names)
    reference = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), token_pattern=r"\S+")
    expected = reference.fit_transform([f"⊢ {text} ⊣" for text in data])
    assert names == reference.get_feature_names_out().tolist()
    np.testing.assert_allclose(rows, expected.toarray(), rtol=1e-5, atol=1e-7)


def test_pairs_are_weighed_as_scikit_learn_weighs_them():
    def pairs(text):
        words = ["⊢", *text.lower().split(), "⊣"]
        return [
            f"{words[i]}…{words[j]}" for i in range(len(words)) for j in range(i + 2, min(i + 5, len(words)))
        ]

    data = [*sentences(50), "", "good"]
    found = make(Unit.PAIR, 2, 4)
    names, rows = by_name(found.fit_transform(texts(data)), found.names)
    reference = TfidfVectorizer(sublinear_tf=True, analyzer=pairs)
    expected = reference.fit_transform(data)
    assert names == reference.get_feature_names_out().tolist()
    np.testing.assert_allclose(rows, expected.toarray(), rtol=1e-5, atol=1e-7)


def test_pairs_are_found_again_after_restoring():
    data = texts(sentences(50))
    fitted, restored = make(Unit.PAIR, 2, 3), make(Unit.PAIR, 2, 3)
    fitted.fit_transform(data)
    restored.restore(fitted.state())
    assert (fitted.transform(data) != restored.transform(data)).nnz == 0


def test_characters_are_weighed_as_scikit_learn_weighs_them():
    data = [text.replace("a", "ab") for text in sentences(50)]
    characters = make(Unit.CHAR, 2, 4)
    names, rows = by_name(characters.fit_transform(texts(data)), characters.names)
    reference = TfidfVectorizer(sublinear_tf=True, ngram_range=(2, 4), analyzer="char_wb")
    expected = reference.fit_transform(data)
    assert names == reference.get_feature_names_out().tolist()
    np.testing.assert_allclose(rows, expected.toarray(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It isn't ‘GOOD’!", ["it", "isn't", "‘", "good", "’", "!"]),
        ("'quoted' word", ["'", "quoted", "'", "word"]),
        ("这部电影Ｖ８，不错。", ["这", "部", "电", "影", "v8", ",", "不", "错", "。"]),
        ("カッコいい", ["カ", "ッ", "コ", "い"]),
        (" \t\u3000\u200b\n", []),
        ("", []),
        ("👍 𠮷", ["👍", "𠮷"]),
    ],
)
def test_words_of_a_text(text, words):
    single = make(longest=1)
    single.fit_transform(texts([text]))
    assert sorted(single.names) == sorted({"⊢", "⊣", *words})


def test_characters_of_unspaced_text_run_across_words():
    characters = make(Unit.CHAR, 2, 2)
    characters.fit_transform(texts(["我们 去"]))
    assert sorted(characters.names) == sorted([" 我", "我们", "们 ", " 去", "去 "])


def test_binary_rows_hold_ones():
    rows = make(longest=1, weighting=Weighting.BINARY).fit_transform(texts(["a a b", "b"]))
    assert sorted(rows.toarray().sum(axis=1)) == [3, 4]
    assert set(rows.data) == {1}


def test_unknown_words_leave_a_row_empty():
    words = make(longest=1)
    words.fit_transform(texts(["a b"] * 3))
    rows = words.transform(texts(["c", "a c"])).toarray()
    assert words.names[int(np.argmax(rows[1] * (np.array(words.names) == "a")))] == "a"
    assert (rows[0] > 0).sum() == 2  # begin and end


def test_rare_words_go_when_there_are_enough_texts():
    data = ["often here"] * 2000 + ["rare here"]
    words = make(longest=1, min_df=2)
    words.fit_transform(texts(data))
    assert sorted(words.names) == ["here", "often", "⊢", "⊣"]
    few = make(longest=1, min_df=2)
    few.fit_transform(texts(["often here", "rare"]))
    assert "rare" in few.names


def test_a_word_repeated_in_one_text_is_in_one_text():
    words = make(longest=1, min_df=2)
    words.fit_transform(texts(["twice twice"] + ["other"] * 1999))
    assert "twice" not in words.names


def test_the_most_frequent_stay():
    words = make(longest=1, max_features=3)
    words.fit_transform(texts(["a b", "a", "c a"]))
    assert sorted(words.names) == ["a", "⊢", "⊣"]


def test_forgetting_rare_ones_while_counting_keeps_the_frequent(monkeypatch):
    monkeypatch.setattr(ngrams, "_MAX_COUNTED", 40)
    monkeypatch.setattr(ngrams, "BATCH_BYTES", 200)
    data = [f"often w{number}" for number in range(200)]
    words = make(longest=1)
    words.fit_transform(texts(data))
    assert {"often", "⊢", "⊣"} <= set(words.names)
    assert len(words.names) < 203


@pytest.mark.parametrize("unit", Unit)
def test_batches_and_chunks_change_nothing(unit, monkeypatch):
    data = [*sentences(60), "", "电影好看"]
    whole = make(unit, 1, 3)
    expected = whole.fit_transform(texts(data))
    monkeypatch.setattr(ngrams, "BATCH_BYTES", 100)
    cut = make(unit, 1, 3)
    rows = cut.fit_transform(pa.chunked_array([data[:7], [], data[7:]], pa.string()))
    assert cut.names == whole.names
    np.testing.assert_array_equal(rows.toarray(), expected.toarray())


def test_batches_cover_every_text(monkeypatch):
    monkeypatch.setattr(ngrams, "BATCH_BYTES", 10)
    data = ["", "a" * 35, "bb", "", "c" * 9, "d", ""]
    found = [text for batch in batches(texts(data)) for text in batch.to_pylist()]
    assert found == data
    assert len(list(batches(texts(data)))) > 2


def test_no_text_at_all_gives_no_row():
    words = make()
    words.fit_transform(texts(["a b"]))
    assert words.transform(texts([])).shape == (0, len(words.names))


@pytest.mark.parametrize("unit", Unit)
def test_a_restored_vocabulary_gives_the_same_rows(unit):
    data = [*sentences(40), "电影好看！"]
    fitted, restored = make(unit, 1, 3), make(unit, 1, 3)
    fitted.fit_transform(texts(data))
    restored.restore(fitted.state())
    np.testing.assert_array_equal(
        restored.transform(texts(data)).toarray(), fitted.transform(texts(data)).toarray()
    )


def test_a_vocabulary_without_its_weights_is_refused():
    fitted = make()
    fitted.fit_transform(texts(["a b"]))
    with pytest.raises(ModelError, match=r"'idf' is .* of shape \(6,\); it must be .* of shape \(7\)"):
        make().restore({**fitted.state(), "idf": fitted.idf[:-1]})
