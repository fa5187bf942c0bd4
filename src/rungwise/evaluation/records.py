"""The run's journal, one record a line, and the other JSON files of a run.

    {"crc":3734025871,"record":{"type":"rung","rung":"lstm",...}}

The checksum is CRC-32 of the record as compact ASCII JSON. A line is written by one call and synced, so only
the last one can be torn by a crash, and then lacks its end; it is left out when reading and cut off by the next
append. A whole line with a wrong checksum is damage, and an error.
"""

from __future__ import annotations

import errno
import json
import math
import os
import zlib
from pathlib import Path
from typing import Any

from rungwise.errors import RunError
from rungwise.files import replace_text

__all__ = ["JOURNAL", "append_record", "json_text", "read_records", "write_json"]

JOURNAL = "journal.jsonl"
Record = dict[str, Any]


def append_record(run_folder: Path, record: Record) -> None:
    """Adds a record to the journal, on the disk when this returns. A run has one writer at a time.

    Raises:
        RunError: if the journal is damaged.
        OSError: if the disk is full; the journal is as it was.
    """
    file = run_folder / JOURNAL
    content = file.read_bytes() if file.exists() else b""
    whole = _parse(file, content)[1]
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        if whole < len(content):
            os.ftruncate(descriptor, whole)
        text = _compact(record)
        line = f'{{"crc":{zlib.crc32(text.encode())},"record":{text}}}\n'.encode()
        try:
            if os.write(descriptor, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, whole)
            raise
    finally:
        os.close(descriptor)


def read_records(run_folder: Path) -> list[Record]:
    """The journal's records, in the order they were written; of those of one type, rung and repeat, the last.

    Raises:
        RunError: if there is no journal, or it is damaged.
    """
    file = run_folder / JOURNAL
    if not file.is_file():
        raise RunError(f"{run_folder} has no {JOURNAL}: it is no run folder; `rungwise fit` makes one.")
    records: dict[Any, Record] = {}
    for number, record in enumerate(_parse(file, file.read_bytes())[0]):
        key = (record["type"], record["rung"], record.get("repeat", 0)) if "rung" in record else number
        records.pop(key, None)  # a key that is there would keep its old place
        records[key] = record
    return list(records.values())


def _parse(file: Path, content: bytes) -> tuple[list[Record], int]:
    """The records, and how many bytes of the file they fill."""
    records, end = [], 0
    lines = content.splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        record = _parse_line(line)
        if record is None and (number < len(lines) or line.endswith(b"\n")):
            raise RunError(f"{file} is damaged in line {number}; restore the file, or start a new run.")
        if record is not None:
            records.append(record)
            end += len(line)
    return records, end


def _parse_line(line: bytes) -> Record | None:
    """The record of a line, None if the line is torn or damaged."""
    try:
        content = json.loads(line)
        record = content["record"]
        is_whole = line.endswith(b"\n") and isinstance(record["type"], str)
        return record if is_whole and content["crc"] == zlib.crc32(_compact(record).encode()) else None
    except (ValueError, KeyError, TypeError):
        return None


def _compact(value: Any) -> str:
    return json.dumps(_finite(value), separators=(",", ":"))


def _finite(value: Any) -> Any:
    """The value with None for what JSON has no number for: NaN and infinities."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_json(file: Path, value: Any, *, sync: bool = True) -> None:
    """Writes a JSON file for people and programs; see `json_text` and `files.replace_file`."""
    replace_text(file, json_text(value) + "\n", sync=sync)


def json_text(value: Any) -> str:
    """A value as JSON: indented, null for NaN and infinities."""
    return json.dumps(_finite(value), indent=1, ensure_ascii=False)
