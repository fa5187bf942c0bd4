"""What `import rungwise` offers, and how little it takes until it is used."""

import subprocess
import sys

import pytest

import rungwise as rw
from rungwise import registry

HEAVY = ("numpy", "pandas", "pyarrow", "sklearn", "scipy", "torch")

IMPORTED = f"import sys; print([name for name in {HEAVY!r} if name in sys.modules])"


def heavy_imports(code: str) -> str:
    """The heavy packages that some code imports, as it would be printed."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{IMPORTED}"], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1]


def test_the_public_names():
    assert rw.__all__ == ["Ladder", "__version__", "load"]
    assert set(rw.__all__) <= set(dir(rw))


@pytest.mark.parametrize("name", registry.rung_names())
def test_every_rung_is_an_estimator_of_the_package(name):
    suffixes = {"label": "Classifier", "number": "Regressor", "tags": "Tagger"}
    rung = registry.rung(name)
    for output in {pair[1] for pair in rung.accepts}:
        estimator = getattr(rw, rung.class_name + suffixes[output])
        assert estimator.rung_name == name
        assert estimator.__name__ in dir(rw)


def test_a_misspelt_name_suggests_the_nearest():
    with pytest.raises(AttributeError, match="did you mean 'BaselineClassifier'"):
        rw.BaslineClassifier  # noqa: B018
    with pytest.raises(AttributeError, match="has no attribute 'lader'"):
        rw.lader  # noqa: B018


def test_importing_the_package_imports_nothing_heavy():
    assert heavy_imports("import rungwise") == "[]"


def test_importing_the_command_line_imports_nothing_heavy():
    assert heavy_imports("import rungwise.cli") == "[]"


@pytest.mark.parametrize("arguments", [["--help"], ["fit", "--help"], ["rungs"], ["tasks"]])
def test_commands_that_only_tell_import_nothing_heavy(arguments):
    code = (
        f"import sys; from rungwise.cli import main\nsys.argv = ['rungwise', *{arguments!r}]\n"
        "try: main()\nexcept SystemExit as end: assert not end.code"
    )
    assert heavy_imports(code) == "[]"
