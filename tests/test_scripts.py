"""Scripts without blanks between words, and marks: all who cut texts agree on them."""

from __future__ import annotations

import re
import sys
import unicodedata

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from rungwise.data.inference import mean_words
from rungwise.data.tokenizing import cut
from rungwise.evaluation.text_corruptions import words_of
from rungwise.preprocessing.columns import _split_words
from rungwise.preprocessing.words import word_tokenizer
from rungwise.scripts import UNSPACED, UNSPACED_RANGES, is_unspaced, marks

WORDS = {
    "Hindi": ["हिन्दी", "भाषा"],
    "Bengali": ["বাংলা", "ভাষা"],
    "Tamil": ["தமிழ்", "மொழி"],
    "Arabic": ["اللُّغَة", "العَرَبِيَّة"],
    "Hebrew": ["שָׁלוֹם", "עולם"],
    "decomposed": [unicodedata.normalize("NFD", word) for word in ("café", "naïve", "Việt")],
    "Han": ["人", "々", "㐀", "\U00020000", "\ufa0e"],
    "kana": ["ひ", "ラ", "ー", "ㇰ", "\uff76"],
    "Thai": ["ภ", "า", "ษ", "ที่", "น้ำ"[0:2], "ำ"],
    "Lao": ["ລ", "າ", "ວ"],
    "Khmer": ["ភា", "សា", "មែ", "រ"],
    "Burmese": ["မြ", "န်", "မာ"],
    "Korean": ["한국어", "말", unicodedata.normalize("NFD", "말")],
}


def text_of(words):
    return "".join(words) if is_unspaced(ord(words[0][0])) else " ".join(words)


@pytest.mark.parametrize("script", WORDS)
def test_words_keep_their_marks(script):
    assert [piece.token for piece in cut(text_of(WORDS[script]))] == WORDS[script]
    assert words_of(text_of(WORDS[script])) == WORDS[script]


@pytest.mark.parametrize("script", WORDS)
def test_all_who_count_words_agree(script):
    text = text_of(WORDS[script])
    assert mean_words(pa.array([text])) == len(WORDS[script])
    _, words = _split_words(pa.chunked_array([[text]]))
    assert words.to_pylist() == [word.lower() for word in WORDS[script]]
    assert len(word_tokenizer({"[UNK]": 0}, "[UNK]").encode(text).ids) == len(WORDS[script])


def test_joiners_and_signs_stay_with_the_letters_before_them():
    assert [piece.token for piece in cut("می\u200cخواهم ❤\ufe0f 5\ufe0f\u20e3")] == [
        "می\u200cخواهم",
        "❤\ufe0f",
        "5\ufe0f\u20e3",
    ]


def test_classes_hold_what_they_say():
    codes = [code for first, last in UNSPACED_RANGES for code in (first - 1, first, last, last + 1)]
    found = pc.match_substring_regex(pa.array(map(chr, codes)), f"[{UNSPACED}]").to_pylist()
    assert found == [is_unspaced(code) for code in codes]
    assert all(first <= last for first, last in UNSPACED_RANGES)
    every = {chr(code) for code in range(sys.maxunicode) if unicodedata.category(chr(code))[0] == "M"}
    assert set(re.findall(f"[{marks()}]", "".join(map(chr, range(sys.maxunicode))))) == every | set(
        "\u200c\u200d"
    )
