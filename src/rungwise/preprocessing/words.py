"""How texts are cut into whole words."""

from __future__ import annotations

from collections.abc import Mapping

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

__all__ = ["word_tokenizer"]

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""Scripts that have no blanks between words: each character is a word."""

_WORD = rf"[{_UNSPACED}]\p{{M}}*|[^\W{_UNSPACED}]+|[^\w\s]"
"""Such a character, a word of any other script, or any other sign, such as an emoji, alone."""


def word_tokenizer(vocabulary: Mapping[str, int], unknown: str) -> Tokenizer:
    """Texts -> words, in lower case and NFKC-normalised.

    Args:
        vocabulary: word -> its number.
        unknown: that which stands for all others.
    """
    tokenizer = Tokenizer(models.WordLevel(vocab=dict(vocabulary), unk_token=unknown))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.BertNormalizer(strip_accents=False, lowercase=True, handle_chinese_chars=False),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_WORD), "removed", invert=True)
    return tokenizer
