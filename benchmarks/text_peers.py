"""What `text.py` compares, each in a process of its own: `text_peers.py KIND ARGUMENTS.json`.

KIND trainer: tunes an encoder with the Trainer of `transformers`, by its defaults and the recipe that its documentation
gives for text classification (AdamW, 2e-5, batches of 16, padded to their longest), and prints seconds and accuracy.

KIND pipeline: answers as the `transformers` pipeline does; KIND onnx: as ONNX Runtime does with an int8 model, in
batches of texts of about one length; KIND ours or ours-int8: as the model of the folder does. They speak with their
parent line by line: on "batch" they answer all texts and say the seconds, on "single" some of them one by one, and say
the median, on "labels" they say the last labels.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

KIND, SAID = sys.argv[1], json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
os.environ |= {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}

import numpy as np  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(SAID["threads"])
if not KIND.startswith("ours"):
    import transformers

    transformers.set_seed(0)

NUM_SINGLE = 50


def tokenizer() -> Any:
    return transformers.AutoTokenizer.from_pretrained(SAID["folder"])


def tune() -> None:
    from datasets import Dataset

    names = sorted(set(SAID["train_labels"]))
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        SAID["folder"], num_labels=len(names)
    )
    tokens = tokenizer()

    def made(part: str) -> Any:
        labels = [names.index(label) for label in SAID[f"{part}_labels"]]
        data = Dataset.from_dict({"text": SAID[f"{part}_texts"], "label": labels})
        return data.map(lambda row: tokens(row["text"], truncation=True, max_length=512), batched=True)

    with tempfile.TemporaryDirectory() as space:
        arguments = transformers.TrainingArguments(
            output_dir=space,
            num_train_epochs=SAID["epochs"],
            learning_rate=SAID["rate"],
            per_device_train_batch_size=16,
            weight_decay=0.01,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
        )
        trainer = transformers.Trainer(
            model=model,
            args=arguments,
            train_dataset=made("train"),
            data_collator=transformers.DataCollatorWithPadding(tokens),
        )
        start = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - start
        outputs = trainer.predict(made("test")).predictions.argmax(1)
    wanted = [names.index(label) for label in SAID["test_labels"]]
    print(json.dumps({"seconds": seconds, "accuracy": float((outputs == wanted).mean())}), flush=True)


def pipeline() -> Callable[[list[str]], list[str]]:
    asked = transformers.pipeline("text-classification", model=SAID["folder"], device="cpu")

    def answer(texts: list[str]) -> list[str]:
        given = asked(texts, batch_size=32 if len(texts) > 1 else 1, truncation=True, max_length=512)
        return [one["label"] for one in given]

    return answer


def ours() -> Callable[[list[str]], list[str]]:
    from rungwise import load

    model = load(SAID["folder"])
    if KIND == "ours-int8":
        model.answer_in("int8")

    def answer(texts: list[str]) -> list[str]:
        labels: list[str] = model.predict(texts).tolist()
        return labels

    return answer


def onnx() -> Callable[[list[str]], list[str]]:
    import onnxruntime
    from onnxruntime.quantization import QuantType, quantize_dynamic

    tokens = tokenizer()
    model = transformers.AutoModelForSequenceClassification.from_pretrained(SAID["folder"]).eval()
    space = Path(tempfile.mkdtemp())
    example = tokens(["a text", "another one"], return_tensors="pt", padding=True)
    inputs = ["input_ids", "attention_mask", "token_type_ids"]
    torch.onnx.export(
        model,
        tuple(example[name] for name in inputs),
        str(space / "model.onnx"),
        input_names=inputs,
        output_names=["logits"],
        dynamic_axes={name: {0: "batch", 1: "token"} for name in inputs},
        dynamo=False,
    )
    quantize_dynamic(space / "model.onnx", space / "int8.onnx", weight_type=QuantType.QInt8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = SAID["threads"]
    session = onnxruntime.InferenceSession(space / "int8.onnx", options, providers=["CPUExecutionProvider"])
    names = model.config.id2label

    def answer(texts: list[str]) -> list[str]:
        ids = tokens(texts, truncation=True, max_length=512)["input_ids"]
        order = np.argsort([len(row) for row in ids], kind="stable")
        labels = [""] * len(texts)
        for start in range(0, len(order), 32):
            some = order[start : start + 32]
            padded = tokens.pad({"input_ids": [ids[i] for i in some]}, return_tensors="np")
            feed = {name: padded[name].astype(np.int64) for name in ("input_ids", "attention_mask")}
            feed["token_type_ids"] = np.zeros_like(feed["input_ids"])
            for place, number in zip(some, session.run(None, feed)[0].argmax(1), strict=True):
                labels[place] = names[int(number)]
        return labels

    return answer


def converse(answer: Callable[[list[str]], list[str]]) -> None:
    texts, labels = SAID["test_texts"], []
    print("ready", flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        if line.strip() == "batch":
            labels = answer(texts)
            print(time.perf_counter() - start, flush=True)
        elif line.strip() == "single":
            taken = []
            for text in texts[:NUM_SINGLE]:
                start = time.perf_counter()
                answer([text])
                taken.append(time.perf_counter() - start)
            print(float(np.median(taken)), flush=True)
        else:
            print(json.dumps(labels), flush=True)


if __name__ == "__main__":
    if KIND == "trainer":
        tune()
    else:
        with torch.inference_mode():
            converse({"pipeline": pipeline, "onnx": onnx}.get(KIND, ours)())
