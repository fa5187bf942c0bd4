"""`rungwise verify`: whether model folders are as they were written, and load."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rungwise.artifacts import Verification

_STYLES = {"ok": "green", "changed": "red", "missing": "red", "not listed": "yellow"}


@click.command(short_help="Check a model folder's hashes, and that it loads.")
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(model: str, as_json: bool) -> None:
    """Check the folder of a MODEL, or every model of a run's folder.

    Each file is compared with its hash in SHA256SUMS, and the model is loaded, which runs no code of the folder's.
    Exits with 0 if all is as it was written, with 2 if not.
    """
    from rungwise.artifacts import model_folders, verify_model
    from rungwise.errors import ModelError

    found, bad = [], []
    for folder in model_folders(Path(model)):
        try:
            found.append(verify_model(folder))
        except ModelError as error:  # the others are looked at all the same
            bad.append(str(error))
    if as_json:
        print(json.dumps([_plain(verification) for verification in found], ensure_ascii=False, indent=1))
    else:
        for verification in found:
            _show(verification)
    bad += [verification.sentence() for verification in found if not verification.is_ok]
    if bad:
        raise ModelError(" ".join(bad))


def _show(verification: Verification) -> None:
    from rungwise.evaluation.wording import bytes_text, count_text

    for name, state in verification.files.items():
        shown = name if name.isprintable() else repr(name)  # a terminal obeys some signs
        click.echo(f"  {click.style(f'{state:<10}', fg=_STYLES[state])}  {shown}")
    if verification.is_ok:
        click.echo(verification.sentence())
    if verification.parameters is not None:
        click.echo(
            f"schema {verification.schema_version}, {verification.rung}: "
            f"{count_text(verification.parameters)} parameters, {bytes_text(verification.bytes)}"
        )


def _plain(verification: Verification) -> dict[str, Any]:
    """What there is to say, as JSON has it."""
    return {
        "folder": str(verification.folder),
        "is_ok": verification.is_ok,
        "sentence": verification.sentence(),
        "files": {name: str(state) for name, state in verification.files.items()},
        "schema_version": verification.schema_version,
        "rung": verification.rung,
        "parameters": verification.parameters,
        "bytes": verification.bytes,
    }
