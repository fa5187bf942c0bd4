"""The errors that docs/data.md shows are those that the data raise."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rungwise.data import prepare
from rungwise.errors import RungwiseError

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
ERRORS = re.findall(r"^    error: (.+)$", PAGE, re.MULTILINE)

LABELS = ["pq"[i % 2] for i in range(60)]
FILES = {
    "empty.csv": "",
    "header.csv": "a,b,label\n",
    "notacsv.csv": "\x89PNG\r\n\x1a\n" + "\0" * 50,
    "latin.csv": "note,label\n" + "".join(f"caf\xe9 {i},{label}\n" for i, label in enumerate(LABELS)),
    "ragged.csv": "a,b,label\n1,2,x\n1,2\n",
    "twice.csv": "a,a,label\n1,2,x\n2,3,y\n",
    "oneclass.csv": "a,label\n1,x\n2,x\n",
    "allmissing.csv": "a,b,label\n" + "".join(f",{i},{label}\n" for i, label in enumerate(LABELS)),
    "mixed.csv": "a,label\n" + "".join(f"{'about 50' if i == 50 else i},{c}\n" for i, c in enumerate(LABELS)),
    "notarget.csv": "a,label\n" + "".join(f"{i},{'' if i == 3 else c}\n" for i, c in enumerate(LABELS)),
    "bad.jsonl": '{"a": 1, "label": "x"}\n{"a": 2, "label": \n',
}


@pytest.fixture
def spoilt(tmp_path, monkeypatch):
    """A working folder with data of which each has one problem."""
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content.encode("latin-1"))
    for label in "ab":
        (tmp_path / "images" / label).mkdir(parents=True)
        for i in range(4):
            file = tmp_path / "images" / label / f"{i}.png"
            Image.fromarray(np.random.default_rng(i).integers(0, 255, (9, 9), np.uint8)).save(file)
    file = tmp_path / "images" / "a" / "3.png"
    file.write_bytes(file.read_bytes()[:60])
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("message", ERRORS, ids=lambda message: re.split("[,:]", message)[0])
def test_an_error_of_the_page_is_what_the_data_raise(message, spoilt):
    data = re.match(r"[^/,:]+", message)[0]
    with pytest.raises(RungwiseError) as error:
        prepare(data)
    assert str(error.value) == message
