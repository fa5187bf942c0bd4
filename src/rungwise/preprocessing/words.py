"""How texts are cut into whole words."""

from __future__ import annotations

from collections.abc import Mapping

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from rungwise.scripts import UNSPACED

__all__ = ["WORD_PATTERNS", "word_tokenizer"]

_WORD = rf"[{UNSPACED}]\p{{M}}*|[^\W{UNSPACED}]+|[^\w\s]"
"""A character of a script without blanks between words, a word of another, or any other sign, such as an emoji."""

_OLD_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_OLD_WORD = rf"[{_OLD_UNSPACED}]\p{{M}}*|[^\W{_OLD_UNSPACED}]+|[^\w\s]"

WORD_PATTERNS = (_WORD, _OLD_WORD)
"""How texts are cut now, and how tokenizers of old cut them."""


def word_tokenizer(vocabulary: Mapping[str, int], unknown: str, word: str = _WORD) -> Tokenizer:
    """Texts -> words, in lower case and NFKC-normalised.

    Args:
        vocabulary: word -> its number.
        unknown: that which stands for all others.
        word: the pattern of a word, one of `WORD_PATTERNS`.
    """
    tokenizer = Tokenizer(models.WordLevel(vocab=dict(vocabulary), unk_token=unknown))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.BertNormalizer(strip_accents=False, lowercase=True, handle_chinese_chars=False),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(word), "removed", invert=True)
    return tokenizer
