"""Pretraining on texts without labels: what is masked, and that guessing is learned."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

import rungwise as rw
from rungwise.data.lines import read_lines
from rungwise.errors import ConfigError, DataError
from rungwise.preprocessing.masking import Masking

MASKING = Masking(mask=4, kept=(0, 2, 3), vocab_size=1000)
INDEX = np.zeros(0, np.int64)
SMALL = {"hidden_size": 32, "num_layers": 1, "num_heads": 2, "intermediate_size": 32, "precision": "fp32"}
TEXTS = ["the good film was good", "the bad film was bad"] * 20
LABELS = ["good", "bad"] * 20


def masked(tokens, lengths, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return MASKING((tokens, lengths), generator, index=INDEX, epoch=0)


def test_a_seventh_of_the_tokens_is_masked_as_the_paper_says_and_never_padding_or_what_is_kept():
    rng = np.random.default_rng(0)
    tokens = torch.from_numpy(rng.integers(5, 1000, (400, 50)))
    tokens[:, 0], tokens[:, 49] = 2, 3
    lengths = torch.full((400,), 50)
    lengths[0] = 10
    tokens[0, 10:] = 0
    changed, same_lengths, chosen, wanted = masked(tokens, lengths)
    assert torch.equal(same_lengths, lengths)
    assert torch.equal(wanted, tokens)
    assert not chosen[:, [0, 49]].any()
    assert not chosen[0, 10:].any()
    assert torch.equal(changed[~chosen], tokens[~chosen])
    assert chosen[1:, 1:49].float().mean() == pytest.approx(0.15, abs=0.01)
    assert (changed[chosen] == 4).float().mean() == pytest.approx(0.8, abs=0.02)
    assert (changed[chosen] == tokens[chosen]).float().mean() == pytest.approx(0.1, abs=0.02)
    assert not torch.equal(masked(tokens, lengths, seed=1)[2], chosen)


@pytest.mark.parametrize("tokens", [[[2, 7, 3]], [[2, 3, 0]]])
def test_some_token_is_always_guessed(tokens):
    for seed in range(20):
        chosen = masked(torch.tensor(tokens), torch.tensor([3 if tokens[0][2] else 2]), seed)[2]
        assert chosen.sum() >= 1


def test_lines_are_texts_and_blank_ones_none(tmp_path):
    file = tmp_path / "more.txt"
    file.write_text("\ufeffone text\r\n\n   \n另一个\n", encoding="utf-8")
    assert read_lines(file).to_pylist() == ["one text", "另一个"]
    file.write_bytes("fine\nnai\u0308f\n".encode() + b"\xff\xfe broken\n")
    with pytest.raises(DataError, match=r"more\.txt, row 3: byte 12 .0xff. isn't utf-8"):
        read_lines(file)


def test_guessing_is_learned_before_the_labels_and_twice_the_same(tmp_path):
    (tmp_path / "more.txt").write_text("\n".join(["the film was a very long film indeed"] * 60))
    settings = {**SMALL, "unlabeled": str(tmp_path / "more.txt"), "epochs": 1, "random_state": 0}
    models = [
        rw.BERTClassifier(**settings, masked_epochs=8, masked_rate=3e-3).fit(TEXTS, LABELS) for _ in range(2)
    ]
    [note] = models[0].notes_
    first, last = re.search(
        r"on 100 texts for 8 passes: .* was (\S+) in the first and (\S+) in", note
    ).groups()
    assert float(last) < 0.7 * float(first)
    answers = [model.predict_proba(TEXTS[:2]) for model in models]
    np.testing.assert_array_equal(*answers)
    vocabulary = models[0].learner_.preprocessor.tokenizer.get_vocab()
    assert "indeed" in vocabulary
    assert models[0].learner_.to_guess is models[0].learner_.preprocessor.unlabeled is None


@pytest.mark.parametrize("has_predicates", [False, True])
def test_networks_that_tag_words_guess_those_of_their_sentences_too(tmp_path, has_predicates):
    (tmp_path / "more.txt").write_text("\n".join(["the film was a very long film indeed"] * 60))
    sentences, tags = (
        [["Anna", "saw", "Paris"], ["they", "slept"]] * 20,
        [["B-P", "O", "B-L"], ["O", "O"]] * 20,
    )
    if has_predicates:  # the first sentence has two
        sentences = [(words, n % 4 == 0) for n, words in enumerate(sentences)]
    settings = {**SMALL, "unlabeled": str(tmp_path / "more.txt"), "epochs": 1, "random_state": 0}
    model = rw.BERTTagger(**settings, masked_epochs=16, masked_rate=3e-3).fit(sentences, tags)
    [note] = model.notes_
    first, last = re.search(
        r"on 62 texts for 16 passes: .* was (\S+) in the first and (\S+) in", note
    ).groups()
    assert float(last) < 0.7 * float(first)
    assert "indeed" in model.learner_.preprocessor.texts.tokenizer.get_vocab()
    model.save(tmp_path / "model")
    assert rw.load(tmp_path / "model").predict(sentences[:2]) == model.predict(sentences[:2])


def test_masking_without_texts_is_a_named_error():
    with pytest.raises(ConfigError, match="masked_epochs: without `unlabeled` texts nothing is masked"):
        rw.BERTClassifier(masked_epochs=2).fit(TEXTS, LABELS)


@pytest.mark.slow
def test_the_command_line_takes_a_file_of_texts(tmp_path):
    (tmp_path / "more.txt").write_text("\n".join(TEXTS))
    rows = "\n".join(f"{text} {n},{label}" for n, (text, label) in enumerate(zip(TEXTS, LABELS, strict=True)))
    (tmp_path / "films.csv").write_text(f"text,label\n{rows}\n")
    small = [f"--set=bert.{name}={value}" for name, value in SMALL.items() if name != "precision"]
    files = [tmp_path / "films.csv", "--unlabeled", tmp_path / "more.txt", "--out", tmp_path / "run"]
    command = [
        sys.executable,
        "-m",
        "rungwise",
        "fit",
        *files,
        "--rungs",
        "bert",
        *small,
        "--set=bert.epochs=1",
    ]
    ran = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "pretrained on 6" in (tmp_path / "run" / "journal.jsonl").read_text()
    command[5] = tmp_path / "none.txt"
    missing = subprocess.run(
        [*command[:6], tmp_path / "none.txt"], check=False, capture_output=True, text=True
    )
    assert missing.returncode != 0
    assert "none.txt" in missing.stderr
    assert "Traceback" not in missing.stderr


def test_texts_in_rows_of_a_table_are_refused_before_anything_climbs(tmp_path):
    (tmp_path / "more.csv").write_text("text,label\na film,good\n")
    frame = pd.DataFrame({"text": [f"a film {n}" for n in range(60)], "label": ["good", "bad"] * 30})
    ladder = rw.Ladder(
        rungs=["bert"], out=tmp_path / "run", settings={"bert": {"unlabeled": str(tmp_path / "more.csv")}}
    )
    with pytest.raises(DataError, match=r"more\.csv: it has rows \(\.csv\), and one text a line is wanted"):
        ladder.prepare(frame)
