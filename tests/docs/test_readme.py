"""The READMEs say what is so: their commands run, their table of rungs is whole, and both are the same."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

import rungwise as rw
from rungwise import registry
from rungwise.rung import ImageShape
from rungwise.rungs.cnn.efficientnet import EfficientNet, EfficientNetConfig
from rungwise.tasks import task, task_names

ROOT = Path(__file__).parents[2]
ENGLISH, CHINESE = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md"))


def blocks(page: str, language: str) -> list[str]:
    """The code of a page, without its comments."""
    found = re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    return [re.sub(r" *# .*", "", block) for block in found]


@pytest.mark.parametrize("page", [ENGLISH, CHINESE], ids=["en", "zh"])
@pytest.mark.parametrize("name", task_names())
def test_the_table_lists_every_rung_of_every_task(page, name):
    row = re.search(rf"^\| `{name}` \| (.+) \|$", page, re.MULTILINE)
    assert row is not None
    assert sorted(re.findall(r"`(.+?)`", row[1])) == sorted(registry.rungs_for(task(name).pair))


@pytest.mark.parametrize("language", ["sh", "python", "text"])
def test_both_languages_show_the_same_code(language):
    assert blocks(ENGLISH, language) == blocks(CHINESE, language)


@pytest.mark.parametrize("page", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_links_lead_to_files(page):
    for link in re.findall(r"\]\(([^:)]+)\)", page):
        assert (ROOT / link.partition("#")[0]).exists(), link


@pytest.fixture
def working_folder(tmp_path):
    """A folder with the files that the README names."""
    rows = [f"{n % 9},{'xy'[n % 2]},{'pq'[n % 2 if n % 11 else 0]}" for n in range(120)]
    (tmp_path / "my.csv").write_text("\n".join(["a,b,label", *rows]), encoding="utf-8")
    (tmp_path / "new.csv").write_text("a,b\n1,x\n2,y\n", encoding="utf-8")
    texts = [f"a {word} film number {n},{word}" for n in range(40) for word in ("good", "bad")]
    for label, brightness in (("ants", 60), ("bees", 180)):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(12):
            Image.new("RGB", (48, 40), (brightness, 5 * number, 90)).save(
                tmp_path / "photos" / label / f"{number}.png"
            )
    shape = ImageShape(num_examples=1, num_outputs=1000, channels=3, height=224, width=224)
    weights = EfficientNet(EfficientNetConfig(), shape).state_dict()
    torch.save(weights, tmp_path / "efficientnet-lite0.pth")
    (tmp_path / "reviews.csv").write_text("\n".join(["text,label", *texts]), encoding="utf-8")
    small = {"hidden_size": 8, "num_layers": 1, "num_heads": 1, "intermediate_size": 8, "epochs": 1}
    rw.BERTClassifier(**small).fit(["a good film", "a bad film"] * 2, ["good", "bad"] * 2).save(
        tmp_path / "sentence-transformers" / "all-MiniLM-L6-v2"
    )
    for part, cities in (("train", ("Rome", "Oslo", "Lima")), ("test", ("Rome", "Lima"))):
        lines = [
            f"in O\n{city} B-CITY\n{word} O\n" for city in cities for word in ("today", "again", "now", "too")
        ]
        (tmp_path / f"{part}.conll").write_text("\n".join(lines), encoding="utf-8")
    rows = [
        {"tokens": [who, verb, f"nr{n}"], "predicate": 1, "tags": ["B-ARG0", "B-V", "B-ARG1"]}
        for n in range(20)
        for who, verb in (("Ada", "sees"), ("Max", "finds"))
    ]
    (tmp_path / "roles.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    (tmp_path / "new.jsonl").write_text('{"tokens": ["Ada", "finds", "Max"]}\n', encoding="utf-8")
    return tmp_path


def run(arguments: list[str], folder: Path) -> str:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{arguments}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


@pytest.mark.slow
def test_the_commands_run(working_folder):
    commands = [line.split() for block in blocks(ENGLISH, "sh") for line in block.splitlines()]
    outputs = [run(["-m", *command], working_folder) for command in commands if command[0] == "rungwise"]
    assert len(outputs) == 10
    assert "prediction" in "".join(outputs)


@pytest.mark.slow
def test_the_python_runs(working_folder):
    """With a smaller budget, which the last rungs may not get a share of."""
    code = "\n".join(blocks(ENGLISH, "python")).replace('budget="10m"', 'budget="20s"')
    assert "Take `" in run(["-W", "error", "-c", code], working_folder)
