"""Edits of model folders, as a stranger might make them: drawn from bytes, written down as JSON, applied, and judged.

An edit is a list whose first item names it:

    ["set", FILE, PATH, VALUE]        a value of a JSON file
    ["drop", FILE, PATH]              an entry of a JSON file
    ["copy", FILE, FROM, TO]          a value of a JSON file, to another place
    ["deep", FILE, PATH, DEPTH]       lists within lists
    ["twice", FILE]                   a name of a JSON file, once more
    ["splice", FILE, AT, NUM, HEX]    bytes in place of others
    ["resize", ARRAY, DTYPE, SHAPE]   an array of another shape or type, with its values over and over
    ["fill", ARRAY, AT, NUMBER]       one value of an array
    ["header", ARRAY, KEY, VALUE]     an entry of the safetensors header, its data as they were
    ["kind", FILE, KIND]              missing, empty, link, loop, folder or pipe in place of the file
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from safetensors.numpy import load, save

from rungwise.artifacts import load_model
from rungwise.data import as_predicates, as_tokens
from rungwise.errors import ModelError, RungwiseError
from rungwise.kinds import InputKind, OutputKind

GOLDEN = Path(__file__).parents[1] / "golden" / "v1"
CASES = sorted(file.parent.name for file in GOLDEN.glob("*/config.json"))

ARRAYS = "model.safetensors"
EDITS = [
    *["set"] * 8, *["drop"] * 2, *["copy"] * 2, "deep", "twice", "splice", "kind", *["resize"] * 4, "header",
    *["fill"] * 4,
]  # fmt: skip
JSON_FILES = ("config.json", "state.json", "tokenizer.json")
KINDS = ("missing", "empty", "link", "loop", "folder", "pipe")

VALUES: list[Any] = [
    None, True, False, -1, 0, 1, 2, 3, 7, 64, 1000, 10**6, 2**31, 10**9, 2**53, 2**63, 2**64, 10**30, -(10**18),
    0.0, 0.5, -1.5, 1e-300, 1e300, float("nan"), float("inf"), "inf", "nan", "", "a", "object", "label", "number",
    "../../x", "/etc/passwd", "os.system", "\ud800", "\0", "<U1000000000", "<U5", "<i8", "x" * 5000, [], {}, [0], [[]],
    ["a", "a"], ["a", 1], {"$array": "none"}, {"$array": []}, {"a": 1}, [10**6] * 3, [1, 1, 1], [4, 4, 3],
    "auto", "bf16", "linear", "rbf", "standard", "quantile", "valid", "periodic", "none",
]  # fmt: skip
NUMBERS = [-1, 0, 1, 2, 3, 5, 127, 255, 1000, 2**31 - 1, -(2**31), 1e-30, 1e30, 3e38, 1e300, -1e300]
DTYPES = ["float16", "float32", "float64", "int8", "uint8", "int32", "uint32", "int64", "bool"]
LONGEST = 100_000
"""Values of a resized array."""

Files = dict[str, bytes]
Edit = list[Any]


class Source:
    """Choices drawn from bytes, zero when they have run out."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def below(self, count: int) -> int:
        """A number from 0 to below count."""
        size = max(1, -(-(max(1, count) - 1).bit_length() // 8))
        drawn = self.data[self.place : self.place + size]
        self.place += size
        return int.from_bytes(drawn, "little") % max(1, count)

    def one_of(self, items: Any) -> Any:
        """One of some items."""
        return items[self.below(len(items))]

    def raw(self) -> bytes:
        """A few bytes."""
        size = self.below(9)
        self.place += size
        return self.data[self.place - size : self.place]


@cache
def golden_files(case: str) -> Files:
    """A golden folder's files that are read."""
    return {
        file.name: file.read_bytes() for file in sorted((GOLDEN / case).iterdir()) if file.suffix != ".md"
    }


# ------------------------------------------------------------------------------------------------ drawing


def draw(data: bytes) -> tuple[str, list[Edit]]:
    """A golden folder's name, and edits of it."""
    source = Source(data)
    case = source.one_of(CASES)
    files = golden_files(case)
    count = source.one_of([1, 1, 1, 2, 2, 3])  # the more there are, the sooner one of them is refused
    return case, [_draw_edit(source, files) for _ in range(count)]


def _draw_edit(source: Source, files: Files) -> Edit:
    name = source.one_of(EDITS)
    match name:
        case "splice":
            file = source.one_of(sorted(files))
            return [name, file, source.below(len(files[file]) + 1), source.below(300), source.raw().hex()]
        case "kind":
            return [name, source.one_of(sorted(files)), source.one_of(KINDS)]
        case "resize" | "fill" | "header":
            return _draw_array_edit(source, name, load(files[ARRAYS]))
        case _:
            file = source.one_of([file for file in JSON_FILES if file in files])
            return _draw_json_edit(source, name, file, json.loads(files[file]))


def _draw_json_edit(source: Source, name: str, file: str, document: Any) -> Edit:
    path, value = _draw_path(source, document)
    match name:
        case "set":
            return [name, file, path, _draw_value(source, value)]
        case "copy":
            return [name, file, path, _draw_path(source, document)[0]]
        case "deep":
            return [name, file, path, 10 ** source.below(6)]
        case "drop":
            return [name, file, path]
        case _:
            return [name, file]


def _draw_array_edit(source: Source, name: str, arrays: dict[str, Any]) -> Edit:
    which = source.one_of(sorted(arrays))
    array = arrays[which]
    match name:
        case "resize":
            dtype = source.one_of([array.dtype.name] * len(DTYPES) + DTYPES)
            return [name, which, dtype, _draw_shape(source, array.shape)]
        case "fill":
            number = source.one_of([*NUMBERS, source.below(2**16) - 2**15, source.below(64)])
            return [name, which, source.below(array.size), number]
        case _:
            return _draw_header(source, which)


def _draw_header(source: Source, name: str) -> Edit:
    key = source.one_of(["dtype", "shape", "data_offsets", "other"])
    small, large = [source.below(2**16) for _ in range(source.below(4))], [2**62, 8]
    types = ["F16", "BF16", "F8_E4M3", "I8", "U64", "BOOL", "C64", "F64", "F32", "x"]
    return ["header", name, key, source.one_of([small, large, [-1], *types, 2**70, None, {}])]


def _draw_path(source: Source, document: Any) -> tuple[list[Any], Any]:
    """The way to a value of a document, and the value."""
    path: list[Any] = []
    value = document
    while isinstance(value, dict | list) and value and not (path and source.below(5) == 0):
        key = source.one_of(list(value) if isinstance(value, dict) else range(len(value)))
        path.append(key)
        value = value[key]
    return path, value


def _draw_value(source: Source, old: Any) -> Any:
    if isinstance(old, int | float) and source.below(3):
        return source.one_of([old + 1, old - 1, old * 2, -old, source.below(2**16), 10**9])
    if isinstance(old, list) and old and source.below(3):
        return source.one_of([old[1:], [*old, old[-1]], old[::-1], [*old, source.one_of(VALUES)]])
    return source.one_of(VALUES)


def _draw_shape(source: Source, shape: tuple[int, ...]) -> list[int]:
    sides = list(shape)
    match source.below(6):
        case 0:
            return sides
        case 1:
            return sides[::-1]
        case 2:
            return [*sides, source.below(3)]
        case 3:
            return sides[1:]
        case _:
            changed = [max(0, side + source.one_of([0, 1, -1, 5, -side])) for side in sides]
            return changed if np.prod(changed) <= LONGEST else sides


# ----------------------------------------------------------------------------------------------- applying


def write(case: str, edits: list[Edit], folder: Path) -> None:
    """Writes a golden folder with its edits; those that no longer have a place are left out."""
    files = dict(golden_files(case))
    kinds = {}
    for edit in edits:
        if edit[0] == "kind":
            kinds[edit[1]] = edit[2]
        else:
            _apply(files, edit)
    folder.mkdir(parents=True)
    for name, content in files.items():
        _write(folder / name, content, kinds.get(name))


def _apply(files: Files, edit: Edit) -> None:
    try:
        match edit:
            case ["splice", file, at, count, text]:
                files[file] = files[file][:at] + bytes.fromhex(text) + files[file][at + count :]
            case ["twice", file]:
                first = json.dumps(json.loads(files[file]).popitem()[0]).encode()
                files[file] = files[file].replace(b"{", b"{" + first + b": 0, ", 1)
            case ["resize" | "fill", name, *_]:
                files[ARRAYS] = save(_edited(load(files[ARRAYS]), edit))
            case ["header", name, key, value]:
                files[ARRAYS] = _with_header(files[ARRAYS], name, key, value)
            case [_, file, *_]:
                files[file] = _edited_json(json.loads(files[file]), edit)
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, RecursionError):
        return
    except Exception as error:
        if type(error).__name__ != "SafetensorError":  # an earlier edit broke the file
            raise


def _edited(arrays: dict[str, Any], edit: Edit) -> dict[str, Any]:
    array = arrays[edit[1]]
    if edit[0] == "resize":
        with np.errstate(all="ignore"):
            arrays[edit[1]] = np.resize(array, edit[3]).astype(edit[2])
    else:
        array = array.copy()
        with np.errstate(all="ignore"):
            array.reshape(-1)[edit[2]] = edit[3]
        arrays[edit[1]] = array
    return arrays


def _with_header(content: bytes, name: str, key: str, value: Any) -> bytes:
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header[name][key] = value
    changed = json.dumps(header).encode()
    return len(changed).to_bytes(8, "little") + changed + content[8 + size :]


def _edited_json(document: Any, edit: Edit) -> bytes:
    name, _, path, *rest = edit
    parent = _at(document, path[:-1])
    raw = ""
    if name == "drop":
        del parent[path[-1]]
    elif name == "copy":
        _at(document, rest[0][:-1])[rest[0][-1]] = _at(document, path)
    elif name == "deep":
        parent[path[-1]], raw = "DEEP", "[" * rest[0] + "]" * rest[0]
    elif path:
        parent[path[-1]] = rest[0]
    else:
        document = rest[0]
    return json.dumps(document).replace('"DEEP"', raw or '"DEEP"').encode()


def _at(document: Any, path: list[Any]) -> Any:
    for key in path:
        document = document[key]
    return document


def _write(file: Path, content: bytes, kind: str | None) -> None:
    match kind:
        case "missing":
            return
        case "link":
            other = file.with_name("elsewhere")
            other.write_bytes(content)
            file.symlink_to(other)
        case "loop":
            file.symlink_to(file)
        case "folder":
            file.mkdir()
        case "pipe":
            os.mkfifo(file)
        case _:
            file.write_bytes(b"" if kind == "empty" else content)


# ------------------------------------------------------------------------------------------------ judging


def judge(folder: Path) -> str:
    """Loads a folder: "refused" with a `ModelError`, or "loaded" and asked. Anything else is raised."""
    try:
        estimator = load_model(folder)
    except ModelError:
        return "refused"
    inputs, count = many_inputs(estimator)
    with np.errstate(all="ignore"):
        outputs = estimator.learner_.predict(inputs)
        if estimator.pair_[1] is OutputKind.LABEL:
            assert outputs.shape == (count, len(estimator.classes_))
        elif estimator.pair_[1] is OutputKind.TAGS:
            assert len(outputs) == count
            assert set(outputs.values) <= set(range(len(estimator.classes_)))
            if estimator.finder_ is not None:
                assert len(estimator.predict(_many_sentences(np.random.default_rng(1)))) == len(_SIZES)
        else:
            assert outputs.shape == (count,)
        estimator.learner_.num_parameters()
        try:
            estimator.predict(_as_users_have_them(inputs))
        except RungwiseError:  # columns that can't be asked for, such as two of one name
            return "loaded"
    return "loaded"


def _as_users_have_them(inputs: Any) -> Any:
    return inputs.to_pandas() if isinstance(inputs, pa.Table) else inputs


def many_inputs(estimator: Any) -> tuple[Any, int]:
    """Inputs of all sorts, more than are tried at load, in the form that learners take, and how many."""
    rng = np.random.default_rng(0)
    match estimator.pair_[0]:
        case InputKind.TEXT:
            words = ["film", "wonderful", "dull", "电影", "§", "Ω", "x" * 300, "it's", "\0", "🙂"]
            texts = [" ".join(rng.choice(words, size)) for size in (0, 1, 2, 5, 30, 90)]
            return pa.chunked_array([texts]), len(texts)
        case InputKind.TOKENS:
            return as_tokens(_many_sentences(rng)), len(_SIZES)
        case InputKind.PREDICATE:
            rows = [(tokens, len(tokens) // 2) for tokens in _many_sentences(rng)]
            return as_predicates(rows), len(_SIZES)
        case InputKind.IMAGE:
            count = 70 if np.prod(estimator.image_size_) < 2**12 else 2
            return rng.integers(0, 256, (count, *estimator.image_size_)).astype(np.uint8), count
        case InputKind.TABLE:
            return _many_rows(estimator.column_kinds_, rng)


_SIZES = (1, 2, 5, 30, 90)
"""Tokens of the sentences that are asked about."""


def _many_sentences(rng: np.random.Generator) -> list[list[str]]:
    words = ["film", "Ada", "Bank", "大学", "", "Ω", "x" * 300, "sees", "\0", "🙂", "the"]
    return [rng.choice(words, size).tolist() for size in _SIZES]


def _many_rows(kinds: dict[str, str], rng: np.random.Generator) -> tuple[pa.Table, int]:
    from rungwise.data import as_table

    count = 70
    values = {
        "number": [None, 0.0, -1e300, 1e300, *rng.normal(0, 100, count - 4)],
        "category": [None, *rng.choice(["red", "green", "蓝", "x" * 99, ""], count - 1)],
        "date": [None, *pd.to_datetime(rng.integers(-(10**9), 4 * 10**9, count - 1), unit="s")],
        "text": [None, *rng.choice(["the list", "number 7 of", "", "电影 film"], count - 1)],
    }
    columns = {name: pa.array(values[kind], from_pandas=True) for name, kind in kinds.items()}
    return as_table(pa.table(columns), kinds), count
