"""What is looked at of tokens, for the attributes that a chain weighs."""

from __future__ import annotations

from rungwise.preprocessing.attributes import Template

__all__ = ["OF_ROLES", "OF_WORDS"]


def _unigrams(*names: str, offsets: tuple[int, ...] = (0,)) -> list[Template]:
    return [((name, offset),) for name in names for offset in offsets]


_ENDS = tuple(f"{end}{size}" for end in "ps" for size in (1, 2, 3, 4))

OF_WORDS: list[Template] = [
    *_unigrams("word", "lower", "shape", "short", "signs", *_ENDS),
    *_unigrams("lower", "short", "signs", offsets=(-2, -1, 1, 2)),
    *_unigrams("p3", "s3", offsets=(-1, 1)),
    *_unigrams("count"),
    *_unigrams("habit", offsets=(-1, 0, 1)),
    *[(("habit", offset), ("short", offset)) for offset in (-1, 1)],
    (("habit", 0), ("signs", 0)),
    (("count", 0), ("signs", 0)),
    (("habit", 0), ("count", 0), ("signs", 0)),
    *[(("habit", 0), ("short", 0), ("short", offset)) for offset in (-1, 1)],
    *[(("count", 0), ("short", 0), ("lower", offset)) for offset in (-1, 1)],
    (("lower", -1), ("lower", 0)),
    (("lower", 0), ("lower", 1)),
    (("short", -1), ("short", 0)),
    (("short", 0), ("short", 1)),
    (("short", -1), ("short", 0), ("short", 1)),
    (("lower", -1), ("short", 0)),
    (("short", 0), ("lower", 1)),
    (("s3", -1), ("short", 0)),
]

_IN_SENTENCES: list[Template] = [
    *_unigrams("word", "lower", "short", "p2", "p3", "p4", "s2", "s3", "s4"),
    *_unigrams("lower", offsets=(-3, -2, -1, 1, 2, 3)),
    *_unigrams("s2", "s3", offsets=(-1, 1)),
    *[(("lower", offset), ("lower", offset + 1)) for offset in (-2, -1, 0, 1)],
]


def _on_sides(*names: tuple[str, int]) -> list[Template]:
    return [(name, ("side", 0)) for name in names]


def _at_distances(*names: tuple[str, int]) -> list[Template]:
    return [(name, ("distance", 0)) for name in names]


_PREDICATE = ("predicate lower 0", 0)

OF_ROLES: list[Template] = [
    *_IN_SENTENCES,
    *_unigrams("distance", "side", "predicate lower 0", "frequent between"),
    *_at_distances(
        _PREDICATE,
        ("lower", -1),
        ("lower", 0),
        ("lower", 1),
        ("s2", 0),
        ("s3", 0),
        ("predicate lower 1", 0),
        ("signs between", 0),
        ("frequent before", 0),
        ("frequent behind", 0),
    ),
    *_on_sides(
        _PREDICATE,
        ("lower", -1),
        ("lower", 0),
        ("lower", 1),
        ("s2", 0),
        ("predicate lower -1", 0),
        ("predicate lower 1", 0),
        ("predicate s2 0", 0),
        ("predicate s3 0", 0),
        ("signs between", 0),
        ("frequent before", 0),
        ("frequent behind", 0),
    ),
    (_PREDICATE, ("lower", 0)),
    (_PREDICATE, ("lower", -1), ("side", 0)),
    (_PREDICATE, ("lower", 0), ("side", 0)),
    (_PREDICATE, ("predicate lower 1", 0), ("side", 0)),
    (_PREDICATE, ("frequent before", 0), ("side", 0)),
    (_PREDICATE, ("frequent behind", 0), ("side", 0)),
    (("s2", -1), ("s2", 0), ("side", 0)),
    (("s2", 0), ("s2", 1), ("side", 0)),
    (("predicate lower -1", 0), ("predicate s2 0", 0), ("side", 0)),
    (("predicate lower -1", 0), ("predicate s2 0", 0), ("distance", 0)),
    (("predicate lower -2", 0), ("predicate lower -1", 0), ("predicate s2 0", 0), ("side", 0)),
    (("signs between", 0), ("lower", 0), ("side", 0)),
    (("signs between", 0), ("lower", -1), ("side", 0)),
    (("signs between", 0), ("frequent before", 0), ("side", 0)),
    (("signs between", 0), ("frequent behind", 0), ("side", 0)),
    (("frequent before", 0), ("frequent behind", 0), ("side", 0)),
    (("frequent before", 0), ("lower", 0), ("side", 0)),
]
