"""The command line: one file a command, each of which parses, calls the API and prints.

Nothing heavy is imported until a command runs, so that `--help` answers at once.
"""

from __future__ import annotations

import importlib
import io
import sys

import click

from rungwise import __version__
from rungwise.errors import RungwiseError
from rungwise.files import is_disk_error

__all__ = ["main"]

_ORDER = (
    "fit",
    "leaderboard",
    "verdict",
    "forecast",
    "calibrate",
    "slices",
    "label-errors",
    "costs",
    "predict",
    "report",
    "verify",
    "inspect",
    "rungs",
    "tasks",
    "demo",
)
_EXIT_ERROR, _EXIT_INTERRUPTED = 2, 130

_MEMORY_ERRORS = (MemoryError, SystemError)  # the interpreter's own error when it gets none
_MEMORY_WORDS = (
    "allocate memory",
    "start new thread",
    "launch worker thread",
    "failed to map segment",
    "cannot map zero-fill",
)
"""In errors of torch, of threads and of the loader where memory is out."""


class _Commands(click.Group):
    """The commands of this folder, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_ORDER)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _ORDER:
            return None
        command: click.Command = importlib.import_module(f"rungwise.cli.{cmd_name.replace('-', '_')}").command
        return command


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="rungwise")
def rungwise() -> None:
    """How large a model does your data need?

    Rungwise trains models from linear ones to Transformers on your data, on one split, with one metric, and says
    which one pays.

    \b
      rungwise fit reviews.csv --target label
      rungwise predict runs/reviews new.csv
    """


def main() -> None:
    """Runs the command line; a user's mistake is one sentence and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files may be no text
    try:
        code = rungwise.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except RungwiseError as error:
        click.echo(f"error: {error}", err=True)
        code = _EXIT_ERROR
    except (KeyboardInterrupt, click.Abort):
        click.echo("Stopped.", err=True)
        code = _EXIT_INTERRUPTED
    except BrokenPipeError:
        sys.stdout = None  # the reader has gone, as `| head` does; nothing is left to say
        code = 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        is_disk = is_disk_error(error) or isinstance(error, PermissionError)
        remedy = "; free some space, permit writing, or choose another folder" if is_disk else ""
        click.echo(f"error: {where}{error.strerror or error}{remedy}", err=True)
        code = _EXIT_ERROR
    except Exception as error:
        if not isinstance(error, _MEMORY_ERRORS) and not any(words in str(error) for words in _MEMORY_WORDS):
            raise
        click.echo(
            f"error: out of memory{f' ({error})' if str(error) else ''}; close other programs, or allow more",
            err=True,
        )
        code = _EXIT_ERROR
    sys.exit(code if isinstance(code, int) else 0)
