import itertools

import numpy as np
import pytest

from rungwise.evaluation.robustness import corrupted_scores, num_passes
from rungwise.evaluation.text_corruptions import (
    TEXT_CORRUPTIONS,
    Contexts,
    text_versions,
    word_versions,
    words_of,
)
from rungwise.kinds import InputKind
from rungwise.metrics import metric

TRAIN = ["A good film it was", "a bad film it was", "the good day it was", "这部电影很好", "这部电影很差"]
TEXTS = ["It was a good film, wasn't it?", "A bad day…", "", "😀 !", "这部电影很好看"] * 20
CONTEXTS = Contexts(map(words_of, TRAIN))
BY_NAME = {corruption.name: corruption for corruption in TEXT_CORRUPTIONS}
MANY = ["wonderful", "stories"] * 2000


def versions(texts):
    return {(name, level): changed for name, level, changed in text_versions(texts, CONTEXTS)}


def corrupted(texts, corruption, contexts=CONTEXTS, level=4):
    """The words of texts with one corruption in one strength."""
    ((_, levels),) = word_versions(texts, [corruption], contexts)
    return levels[level]


def test_texts_come_as_they_are_and_in_every_corruption_and_strength():
    found = versions(TEXTS)
    assert found["", 0] == TEXTS
    assert len(found) == num_passes(InputKind.TEXT) == 21
    assert all(len(texts) == len(TEXTS) for texts in found.values())


def test_the_same_texts_are_corrupted_alike_whatever_stands_behind_them():
    assert versions(TEXTS)["typos", 4][:7] == versions(TEXTS[:7])["typos", 4]


@pytest.mark.parametrize("corruption", TEXT_CORRUPTIONS, ids=lambda c: c.name)
def test_a_strength_corrupts_its_share_and_what_weaker_ones_corrupt(corruption):
    hit = []
    for level, strength in enumerate(corruption.strengths):
        contexts = Contexts([["stories", "wonderful", "tales"]] * 9)
        (words,) = corrupted([MANY], corruption, contexts, level)
        assert len(words) == len(MANY)
        changed = [word != before for word, before in zip(words, MANY, strict=True)]
        assert np.mean(changed) == pytest.approx(strength / 100, abs=0.03)
        hit.append({place for place, is_changed in enumerate(changed) if is_changed})
    assert all(weaker <= stronger for weaker, stronger in itertools.pairwise(hit))


def test_typos_are_one_slip_a_word():
    slips = set(corrupted([["word"] * 4000], BY_NAME["typos"])[0]) - {"word"}
    swapped, lost, doubled = {"owrd", "wrod", "wodr"}, {"ord", "wrd", "wod"}, {"wword", "woord", "worrd"}
    keys = {"qord", "eord", "wird", "wprd", "woed", "wotd"}
    assert slips == swapped | lost | doubled | keys


def test_letters_alone_and_of_other_scripts_are_slipped_on_too():
    slips = {word for (word,) in corrupted([["Я"]] * 200, BY_NAME["typos"])}
    assert slips == {"Я", "ЯЯ"}
    assert "" not in corrupted([["a", "ß", "7"] * 500], BY_NAME["typos"])[0]


def test_chinese_characters_change_places_or_are_lost():
    texts = versions(["这部电影很好看"] * 200)["typos", 4]
    assert "这电部影很好看" in texts
    assert "这部影很好看" in texts
    assert all(set(text) <= set("这部电影很好看") for text in texts)


def test_capitals_do_nothing_to_chinese_and_are_left_out():
    assert not [key for key in versions(["这部电影很好"] * 9) if key[0] == "capitals"]
    assert versions(["a film", "这部"])["capitals", 4] == ["A FILM", "这部"]


def test_of_lost_words_one_stays():
    assert all(map(any, corrupted([["a", "b"]] * 200, BY_NAME["lost words"])))
    assert all(version[0].strip() for version in versions(["one"] * 99).values())


def test_other_words_stand_in_such_a_place_or_back_off():
    contexts = Contexts(map(words_of, ["a good film", "a bad film", "the bad day", "a new day"]))
    assert {contexts.another("good", "a", "film", draw) for draw in (0.0, 0.5, 0.9)} == {"bad"}
    assert {contexts.another("Bad", "A", "FILM", draw) for draw in (0.0, 0.9)} == {"good"}
    assert {contexts.another("film", "a", "", draw) for draw in (0.0, 0.4, 0.9)} == {"good", "bad", "new"}
    assert contexts.another("x", "unheard", "of", 0.0) in {"a", "good", "film", "bad", "the", "day", "new"}
    assert Contexts([]).another("Word", "", "", 0.5) == "word"


def test_replaced_words_keep_their_capital():
    contexts = Contexts([["good", "bad", "ugly"]])
    (replaced,) = corrupted([["Good"] * 99], BY_NAME["other words"], contexts)
    assert {"Bad", "Ugly"} <= set(replaced)
    assert all(word.istitle() for word in replaced)


def test_what_stands_between_words_stays():
    text = "  One—two,\tthree?! "
    for (name, _), (changed,) in versions([text]).items():
        for sign in ("—", ",\t", "?! "):
            assert sign in changed, name


def test_scores_are_by_name_and_strength_of_what_was_asked():
    target = np.array([len(text) % 2 for text in TEXTS])

    def outputs(texts):
        return np.eye(2)[[len(text) % 2 for text in texts]]

    asked = ((*version, target) for version in text_versions(TEXTS, CONTEXTS))
    found = corrupted_scores(outputs, asked, metric("accuracy"))
    scores = {name: [each.value for each in values] for name, values in found.scores.items()}
    assert found.clean.value == 1
    assert {name: len(values) for name, values in scores.items()} == dict.fromkeys(BY_NAME, 5)
    assert scores["capitals"] == [1] * 5
    assert scores["typos"][0] > scores["typos"][4]
