import numpy as np
import pytest
import torch

import rungwise as rw
from rungwise.data.sentences import as_predicates, as_tokens, flat_sentences
from rungwise.errors import ConfigError, ModelError
from rungwise.preprocessing.sentences import (
    PAD,
    UNKNOWN,
    SentenceNetworkConfig,
    SentencePreprocessor,
    sentence_parts,
)

SENTENCES = [["Ada", "met", "Bob", "in", "1842"], ["Bob", "met", "ada"], ["In", "1999", "!"]]


def fitted(sentences=SENTENCES, **settings):
    preprocessor = SentencePreprocessor(SentenceNetworkConfig(**settings))
    preprocessor.fit(as_tokens(sentences))
    return preprocessor


def test_words_are_looked_up_in_lower_case_with_digits_alike_and_rare_ones_are_unknown():
    preprocessor = fitted()
    assert list(preprocessor.words) == ["0000", "ada", "bob", "in", "met"]
    examples = preprocessor.examples(as_tokens([["ADA", "2024", "Charles"]]))
    assert examples.words.tolist() == [preprocessor.words["ada"], preprocessor.words["0000"], UNKNOWN]


def test_the_vocabularies_keep_the_most_frequent():
    preprocessor = fitted(vocab_size=2, num_characters=4, min_frequency=1)
    assert list(preprocessor.words) == ["0000", "ada"]
    assert list(preprocessor.characters) == ["9", "a"]


def test_a_batch_holds_the_spellings_of_its_own_words_alone():
    preprocessor = fitted(min_frequency=1)
    examples = preprocessor.examples(as_tokens(SENTENCES))
    words, spellings, characters, lengths = examples.batch(np.array([2, 1]))
    assert lengths.tolist() == [3, 3]
    assert words.shape == spellings.shape == (2, 3)
    assert len(characters) == 6
    names = {number: name for name, number in preprocessor.characters.items()}
    spelt = ["".join(names[int(c)] for c in characters[at] if c != PAD) for at in spellings.flatten()]
    assert spelt == ["In", "1999", "!", "Bob", "met", "ada"]


def test_training_forgets_rare_words_more_often_than_frequent_ones():
    preprocessor = fitted([["often"] * 8 + ["seldom"] * 2], min_frequency=1, word_dropout=0.5)
    often, seldom = (torch.full((100, 100), preprocessor.words[word]) for word in ("often", "seldom"))
    generator = torch.Generator().manual_seed(0)
    lost = [
        preprocessor.augment((words, "rest"), generator, index=np.arange(100), epoch=0)
        for words in (often, seldom)
    ]
    assert [rest for _, rest in lost] == ["rest", "rest"]
    shares = [float((words == UNKNOWN).float().mean()) for words, _ in lost]
    assert shares == [pytest.approx(0.5 / 8.5, abs=0.01), pytest.approx(0.5 / 2.5, abs=0.02)]
    padding = torch.tensor([[PAD, UNKNOWN]])
    assert preprocessor.augment((padding,), generator, index=np.arange(1), epoch=0)[0].equal(padding)


def test_of_long_words_both_ends_are_seen_and_an_empty_word_is_one_unknown_character():
    preprocessor = fitted([["a" * 40 + "z" * 40, ""]], min_frequency=1)
    characters = preprocessor.examples(as_tokens([["a" * 40 + "z" * 40, ""]])).characters
    a, z = preprocessor.characters["a"], preprocessor.characters["z"]
    assert characters[0].tolist() == [a] * 16 + [z] * 8
    assert characters[1].tolist() == [UNKNOWN] + [PAD] * 23


def test_long_sentences_come_in_parts_and_the_predicate_is_in_one_of_them():
    preprocessor = SentencePreprocessor(SentenceNetworkConfig(max_tokens=2, min_frequency=1))
    inputs = as_predicates([(["a", "b", "c", "d", "e"], 3), (["f"], 0)])
    preprocessor.fit(inputs)
    examples = preprocessor.examples(inputs)
    assert examples.num_words.tolist() == [2, 2, 1, 1]
    assert examples.predicates.tolist() == [3, 1, -1, 0]
    assert examples.batch(np.array([1]))[-1].tolist() == [1]


def test_a_batch_has_a_sentence_once_for_all_its_predicates_but_not_for_too_many():
    preprocessor = SentencePreprocessor(SentenceNetworkConfig(min_frequency=1))
    inputs = as_predicates([(["a", "b"], 1), (["b", "a"], 0), (["a", "b"], 0), *[(["a"], 0)] * 20])
    preprocessor.fit(inputs)
    assert preprocessor.shape(num_examples=23, num_outputs=3).readings == 5 / 23
    examples = preprocessor.examples(inputs)
    assert examples.groups.tolist() == [0, 1, 0, *[2] * 8, *[3] * 8, *[4] * 4]
    words, _, _, lengths, sentences, predicates = examples.batch(np.array([2, 1, 0, 5]))
    a, b = preprocessor.words["a"], preprocessor.words["b"]
    assert words.tolist() == [[a, b], [b, a], [a, PAD]]
    assert lengths.tolist() == [2, 2, 1]
    assert sentences.tolist() == [0, 1, 0, 2]
    assert predicates.tolist() == [0, 0, 1, 0]


def test_parts_by_the_size_of_words_hold_as_many_whole_words_as_fit():
    sentences = flat_sentences(as_predicates([(["a", "b", "c"], 2), (["d", "e"], 0)]))
    offsets, places = sentence_parts(sentences, 4, np.array([3, 1, 2, 1, 4]))
    assert offsets.tolist() == [0, 2, 3, 4, 5]
    assert places.tolist() == [2, 0, 0, -1]
    offsets, _ = sentence_parts(sentences, 6, np.array([3, 1, 2, 1, 4]))
    assert offsets.tolist() == [0, 3, 5]


def test_words_begin_from_the_vectors_of_a_file(tmp_path):
    file = tmp_path / "vectors.txt"
    file.write_text("Ada 1 2 3\nmet 4 5 6\n1066 7 8 9\nelse 0 0 1\n")
    given = {"vectors": str(file), "embedding_dim": 3, "min_frequency": 1, "epochs": 1}
    given |= {"min_steps": 0, "hidden_size": 4}
    tagger = rw.BiLSTMCRFTagger(**given, learning_rate=1e-9, random_state=0)
    tagger.fit(SENTENCES, [["B-PER"] + ["O"] * (len(words) - 1) for words in SENTENCES])
    words = tagger.learner_.preprocessor.words
    vectors = tagger.learner_.network.features.embedding.weight.detach()
    known = [vectors[words[word]].tolist() for word in ("ada", "met", "0000")]
    np.testing.assert_allclose(known, [[1, 2, 3], [4, 5, 6], [7, 8, 9]], atol=1e-5)
    assert vectors[PAD].tolist() == [0, 0, 0]
    with pytest.raises(ConfigError, match="vectors have 3 numbers, the network's 5"):
        rw.CNNCRFTagger(**given | {"embedding_dim": 5}).fit(SENTENCES[:1], [["B-A"] * 5])


def test_what_is_stored_numbers_words_the_same():
    preprocessor, again = (
        fitted(min_frequency=1),
        SentencePreprocessor(SentenceNetworkConfig(min_frequency=1)),
    )
    again.restore(preprocessor.state())
    ours, theirs = (one.examples(as_tokens(SENTENCES)) for one in (preprocessor, again))
    np.testing.assert_array_equal(ours.words, theirs.words)
    np.testing.assert_array_equal(ours.characters, theirs.characters)
    shapes = [one.shape(num_examples=3, num_outputs=5) for one in (preprocessor, again)]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"words": ["a", "a"]}, "'words' is .*distinct strings"),
        ({"words": 3}, "'words' is 3"),
        ({"characters": list("abcdefgh")}, "8 characters; num_characters=8 has place for 6"),
        ({"mean_tokens": -1.0}, "'mean_tokens' is -1.0"),
        ({"has_predicates": 1}, "'has_predicates' is 1; it must be true or false"),
        ({"has_predicates": True, "readings": 2}, "'readings' is 2; it must be a number from 0 to 1"),
    ],
)
def test_a_damaged_state_is_a_named_error(change, message):
    state = {"words": ["a"], "characters": ["a"], "mean_tokens": 1.0, "has_predicates": False}
    with pytest.raises(ModelError, match=message):
        SentencePreprocessor(SentenceNetworkConfig(num_characters=8)).restore(state | change)
