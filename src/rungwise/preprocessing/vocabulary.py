"""Tokenizers of the `tokenizers` library: one trained on the training texts, or one that pretrained weights came with.

A stored tokenizer may be anybody's. Its parts are looked at by name first, and a pattern that isn't one of ours is
refused, since matching it may take for ever.
"""

# N texts, T tokens of a text

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import tokenizers
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from rungwise.errors import ModelError
from rungwise.fitting import State
from rungwise.preprocessing.kept import made_once
from rungwise.preprocessing.words import WORD_PATTERNS, word_tokenizer
from rungwise.stored import entry, parse_json, section

__all__ = [
    "CHUNK",
    "PAD",
    "UNKNOWN",
    "Frame",
    "chunks",
    "foreign_tokenizer",
    "frame_of",
    "spelt_pieces",
    "stored_tokenizer",
    "train_tokenizer",
    "train_words",
]

PAD, UNKNOWN = 0, 1
"""In our own tokenizers, the tokens that fill a batch up and that stand for what the vocabulary lacks."""

CHUNK = 2048
"""Texts that are Python strings at a time."""

_SPECIAL = ["[PAD]", "[UNK]"]
_INNER = "##"
_WORDS = "WordLevel"
"""What the library calls a vocabulary of whole words."""

_BLANK = "▁"
"""How tokenizers of SentencePiece's kind write a blank."""

_LONGEST_WORD = 256
"""Characters of a word that is cut into pieces, and isn't unknown as a whole: some scripts have no blanks."""

_WORD = rf"\w{{1,{_LONGEST_WORD}}}|[^\w\s]"
"""A word, the next part of a longer one, or any other sign alone, so that an emoji that training had not leaves the
word before it known."""

_WHOLE_WORD = r"\w+|[^\w\s]"
"""Of tokenizers of old, to which a longer word is unknown as a whole."""

_OF_DECODERS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
    r"\s+(?!\S)|\s+"
)

_PATTERNS = {
    _WORD,
    _WHOLE_WORD,
    r" {2,}",
    r"[\n\r\t]",
    r"\s+",
    r"\s{2,}|[\n\r\t]",
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    _OF_DECODERS.replace("DIGITS", r"\p{N}"),
    _OF_DECODERS.replace("DIGITS", r"\p{N}{1,3}"),
}
"""Regular expressions that take no longer than a text is long: ours, and those of ALBERT, DeBERTa, GPT-2, Qwen2 and
Llama 3 as `transformers` writes them."""

_PADS, _MASKS = ("[PAD]", "<pad>"), ("[MASK]", "<mask>")
_UNKNOWNS = ("[UNK]", "<unk>", "<|endoftext|>")

_PARTS = {
    "normalizer": {
        "BertNormalizer",
        "Lowercase",
        "NFC",
        "NFD",
        "NFKC",
        "NFKD",
        "Precompiled",
        "Prepend",
        "Replace",
        "Sequence",
        "Strip",
        "StripAccents",
    },
    "pre_tokenizer": {
        "BertPreTokenizer",
        "ByteLevel",
        "Digits",
        "Metaspace",
        "Punctuation",
        "Sequence",
        "Split",
        "Whitespace",
        "WhitespaceSplit",
    },
    "post_processor": {"BertProcessing", "ByteLevel", "RobertaProcessing", "Sequence", "TemplateProcessing"},
    "decoder": {
        "BPEDecoder",
        "ByteFallback",
        "ByteLevel",
        "Fuse",
        "Metaspace",
        "Replace",
        "Sequence",
        "Strip",
        "WordPiece",
    },
    "model": {"BPE", "Unigram", "WordLevel", "WordPiece"},
}
"""What a tokenizer that isn't ours may be made of, by the names that the library writes."""


@dataclass(frozen=True)
class Frame:
    """What stands around every text, and what batches are filled up with.

    Attributes:
        before: the tokens before it, such as [CLS].
        after: the tokens behind it, such as [SEP].
        pad: the token that fills a batch up.
        unknown: the token for what the vocabulary lacks; where a tokenizer has none, that which fills up.
        mask: the token that stands for one that is to be guessed; where a tokenizer has none, as ours, the unknown one.
    """

    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()
    pad: int = PAD
    unknown: int = UNKNOWN
    mask: int = UNKNOWN


def chunks(inputs: pa.ChunkedArray) -> Iterator[list[str]]:
    """The texts, some as Python strings at a time."""
    for start in range(0, len(inputs), CHUNK):
        yield inputs.slice(start, CHUNK).to_pylist()


# --------------------------------------------------------------------------------------------- our own


def train_tokenizer(texts: pa.ChunkedArray, *, vocab_size: int, min_frequency: int) -> Tokenizer:
    """A WordPiece tokenizer, the same each time.

    TextCNN with it scores 81.1 on SST-2, 80.8 with BPE (whose pieces don't say where a word begins) and 80.3 with
    whole words, which leave new ones out. The library numbers characters inside of words in random order, which
    decides between equally frequent pieces; a first pass finds them, so that the second can be given their order.
    Several rungs of a run want the same one, which the first of them trains.
    """

    def train() -> str:
        characters = _pieces(texts, 0, min_frequency, _SPECIAL)
        inner = sorted(piece for piece in characters if piece.startswith(_INNER) and piece != _INNER)
        vocabulary = _pieces(texts, vocab_size, min_frequency, _SPECIAL + inner)
        return json.dumps(vocabulary, ensure_ascii=False)

    how = f"{tokenizers.__version__} {_own({}).to_str()} {vocab_size} {min_frequency}"
    return _own(made_once(texts, how, train, lambda text: _checked_vocabulary(parse_json(text))))


def train_words(texts: pa.ChunkedArray, *, vocab_size: int, min_frequency: int) -> Tokenizer:
    """A tokenizer of the most frequent whole words; of equally frequent ones by the alphabet."""
    trainer = trainers.WordLevelTrainer(
        vocab_size=vocab_size, min_frequency=min_frequency, special_tokens=_SPECIAL, show_progress=False
    )
    tokenizer = _of_words({})
    tokenizer.train_from_iterator(chunks(texts), trainer, length=len(texts))
    return _of_words(tokenizer.get_vocab())  # the trained one would see special tokens in texts


def _pieces(texts: pa.ChunkedArray, vocab_size: int, min_frequency: int, first: list[str]) -> dict[str, int]:
    """Every character of the texts and their most frequent pieces, numbered; those in `first` come first."""
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab_size, min_frequency=min_frequency, special_tokens=first, show_progress=False
    )
    tokenizer = _own({})
    tokenizer.train_from_iterator(chunks(texts), trainer, length=len(texts))
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    return vocabulary


def _own(vocabulary: Mapping[str, int], word: str = _WORD) -> Tokenizer:
    tokenizer = Tokenizer(
        models.WordPiece(
            vocab=dict(vocabulary), unk_token=_SPECIAL[UNKNOWN], max_input_chars_per_word=_LONGEST_WORD
        )
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.BertNormalizer(strip_accents=False, lowercase=True)]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(word), "removed", invert=True)
    return tokenizer


def _of_words(vocabulary: Mapping[str, int]) -> Tokenizer:
    return word_tokenizer(vocabulary, _SPECIAL[UNKNOWN])


def stored_tokenizer(text: Any) -> Tokenizer:
    """Our own tokenizer, as it was when this one was stored, with its vocabulary; the rest of it is made anew.

    Raises:
        ModelError: if it isn't a tokenizer of ours.
    """
    try:
        stored = parse_json(text)
        model = section(stored, "model")
        vocabulary = section(model, "vocab")
    except ModelError as error:
        raise ModelError(f"the tokenizer can't be read: {error}") from error
    _checked_vocabulary(vocabulary)
    ways: list[Callable[[Mapping[str, int]], Tokenizer]] = [_own, partial(_own, word=_WHOLE_WORD)]
    if model.get("type") == _WORDS:
        ways = [partial(word_tokenizer, unknown=_SPECIAL[UNKNOWN], word=word) for word in WORD_PATTERNS]
    for make in ways:
        if _agree(stored, json.loads(make({}).to_str())):
            return make(vocabulary)
    raise ModelError("the tokenizer cuts texts in another way than rungwise's do; it can't be used.")


def _checked_vocabulary(vocabulary: Mapping[str, Any]) -> Mapping[str, int]:
    """A vocabulary that is one of ours.

    Raises:
        ModelError: if it is none.
    """
    numbers = list(vocabulary.values())
    are_numbers = all(type(number) is int for number in numbers) and sorted(numbers) == [*range(len(numbers))]
    if not are_numbers or [vocabulary.get(token) for token in _SPECIAL] != [PAD, UNKNOWN]:
        raise ModelError(f"a tokenizer's vocabulary must be numbered from 0, with {_SPECIAL} first.")
    return vocabulary


def _agree(first: Any, second: Any) -> bool:
    """Whether two JSON values are the same wherever both have something, as other versions of a library may not."""
    if isinstance(first, dict) and isinstance(second, dict):
        return all(_agree(first[name], second[name]) for name in first.keys() & second.keys())
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(_agree, first, second))
    return bool(first == second)


# ----------------------------------------------------------------------------------------------- others'


def foreign_tokenizer(text: Any, num_rows: int) -> Tokenizer:
    """A tokenizer that another library trained, from the text of its `tokenizer.json`; it neither cuts nor pads.

    Args:
        text: JSON.
        num_rows: of the embedding that its tokens are looked up in.

    Raises:
        ModelError: if it can't be read, has parts that aren't known to be safe, no token for what it doesn't know, or
            a token, also around texts or to fill up, that there is no row for.
    """
    try:
        stored = parse_json(text)
        model = section(stored, "model")
        model.setdefault("type", _kind_of_old(model))
        for kind in _PARTS:
            _check_part(stored.get(kind), kind)
        _check_unknown(model)
    except ModelError as error:
        raise ModelError(f"the tokenizer can't be used: {error}") from error
    stored |= {"truncation": None, "padding": None}
    if model["type"] == "BPE":
        model["dropout"] = None  # which cuts a text in another way each time
    try:
        tokenizer = Tokenizer.from_str(json.dumps(stored))
        frame = frame_of(tokenizer)
        of_frame = (*frame.before, *frame.after, frame.pad, frame.unknown, frame.mask)
        largest = max([*of_frame, *tokenizer.get_vocab(with_added_tokens=True).values()])
    except BaseException as error:  # what the library raises in Rust is no `Exception`
        if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
            raise
        raise ModelError(f"the tokenizer can't be read: {error}") from error
    if largest >= num_rows:
        raise ModelError(
            f"the tokenizer has a token {largest}, but the network knows those under {num_rows} alone."
        )
    return tokenizer


def _check_part(part: Any, kind: str) -> None:
    """Sees that a part, and those in it, are known."""
    if part is None:
        return
    name = entry(part, "type")
    if not isinstance(name, str) or name not in _PARTS[kind]:
        allowed = ", ".join(sorted(_PARTS[kind]))
        raise ModelError(f"its {kind} is {str(name)[:40]!r}; allowed are {allowed}.")
    pattern = part.get("pattern")
    if isinstance(pattern, dict) and "Regex" in pattern and str(pattern["Regex"]) not in _PATTERNS:
        raise ModelError(
            f"its {kind} has the regular expression {str(pattern['Regex'])[:80]!r}, which may take for ever; allowed "
            "are those of ALBERT, DeBERTa, GPT-2, Qwen2 and Llama 3."
        )
    for plural in ("normalizers", "pretokenizers", "processors", "decoders"):
        inner = part.get(plural, [])
        if not isinstance(inner, list):
            raise ModelError(f"{plural!r} must be a list.")
        for item in inner:
            _check_part(item, kind)


def _kind_of_old(model: State) -> str:
    """The type of a model that the library wrote before it wrote types, as those of BERT and GPT-2 on the hub."""
    if "merges" in model:
        return "BPE"
    if "unk_id" in model:
        return "Unigram"
    return "WordPiece" if "max_input_chars_per_word" in model else _WORDS


def _check_unknown(model: State) -> None:
    """Sees that there is a token for what a model doesn't know, where it would fail at the first such text."""
    if model["type"] == "Unigram":
        if type(model.get("unk_id")) is not int:
            raise ModelError(f"its unk_id is {model.get('unk_id')!r}; it must be the number of a token.")
        return
    unknown, vocabulary = model.get("unk_token"), section(model, "vocab")
    if model["type"] == "BPE" and not unknown:
        model["unk_token"] = None  # an empty name would be looked up
    elif not isinstance(unknown, str) or unknown not in vocabulary:
        raise ModelError(f"its unk_token is {str(unknown)[:40]!r}; it must be one of its vocabulary.")


def frame_of(tokenizer: Tokenizer) -> Frame:
    """What a tokenizer puts around a text."""
    encoding = tokenizer.encode("a")
    is_special = encoding.special_tokens_mask
    first = is_special.index(0) if 0 in is_special else len(is_special)
    last = len(is_special) - is_special[::-1].index(0) if 0 in is_special else len(is_special)
    pad = _number(tokenizer, _PADS, PAD)
    unknown = _number(tokenizer, _UNKNOWNS, pad)
    mask = _number(tokenizer, _MASKS, unknown)
    return Frame(tuple(encoding.ids[:first]), tuple(encoding.ids[last:]), pad, unknown, mask)


def _number(tokenizer: Tokenizer, names: tuple[str, ...], default: int) -> int:
    """Of the first token that there is."""
    numbers = (tokenizer.token_to_id(name) for name in names)
    return next((number for number in numbers if number is not None), default)


def spelt_pieces(tokenizer: Tokenizer, words: Sequence[str]) -> list[list[int]]:
    """Words (W) -> each one's pieces, perhaps none, as it is cut behind a blank."""
    normalizer = tokenizer.normalizer
    has_blank = normalizer is not None and normalizer.normalize_str("a").startswith(_BLANK)  # as Llama's
    blank = "" if has_blank else " "
    pieces: list[list[int]] = []
    for start in range(0, len(words), CHUNK):
        texts = [blank + word for word in words[start : start + CHUNK]]
        pieces += [encoding.ids for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]
    return pieces
