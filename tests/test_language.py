"""What is said in more than one language is said in all of them: every template has its translation, and its blanks."""

import ast
import copy
import json
import re
from functools import cache
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

import rungwise
from rungwise.evaluation.robustness import corruptions_of
from rungwise.kinds import InputKind
from rungwise.language import (
    Language,
    Message,
    catalogue,
    clauses,
    comma_list,
    paragraph,
    placeholders,
    say,
    spoken,
    term,
)
from rungwise.metrics import metric
from rungwise.metrics.catalogue import metric_names
from rungwise.tasks import task, task_names

SOURCE = Path(rungwise.__file__).parent
CHINESE = catalogue(Language.CHINESE)
PARTIALS = sorted(SOURCE.rglob("*.jinja"))
MODULES = sorted(SOURCE.rglob("*.py"))

TERMS_OF_RECORDS = {
    *("done", "failed", "skipped", "interrupted", "deadline"),  # states of a rung
    *(
        "budget",
        "class weight",
        "command",
        "cores",
        "cpu",
        "device",
        "folds",
        "identify predicates",
        "metric",
    ),
    *("num threads", "num workers", "packages", "pair", "platform", "precision", "python", "rows", "seed"),
    *("seeds", "settings", "workers"),  # of config.json
    *("number", "category", "date", "text"),  # kinds of columns
    *("image", "text"),  # kinds of inputs
    *("gradient norm ‖∂L/∂h‖", "steps before the last"),  # series that networks record
}

CALLS = ("say", "t", "_folded")

SAME = re.compile(r"[^A-Za-z]*|p|F1|RMSE|R²|ROC AUC")
"""Templates without a word, but for symbols that are the same in every language."""


@cache
def said_in_modules():
    """Where `say` is called with what, in every module."""
    return list(calls())


def calls():
    for file in MODULES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
                yield f"{file.relative_to(SOURCE)}:{node.lineno}", node.args[0]


def parsed(partial):
    return Environment().parse(partial.read_text(encoding="utf-8"))


def said_in_partials():
    for file in PARTIALS:
        for call in parsed(file).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name in ("say", "t"):
                yield f"{file.name}:{call.lineno}", call.args[0]


def templates():
    """Every literal that is said."""
    found = {}
    for place, argument in said_in_modules():
        if isinstance(argument, ast.Constant):
            found[argument.value] = place
    for place, argument in said_in_partials():
        if isinstance(argument, nodes.Const):
            found[argument.value] = place
    return found


def terms():
    """Titles that are constants elsewhere."""
    yield from (task(name).title for name in task_names())
    yield from (metric(name, positive=1).title for name in metric_names())
    for kind in InputKind:
        yield from (
            text for corruption in corruptions_of(kind) for text in (corruption.name, corruption.unit)
        )


def needs_words(template):
    return not SAME.fullmatch(re.sub(r"\{.*?\}", "", template))


def test_only_literals_are_said():
    places = [place for place, argument in said_in_modules() if not isinstance(argument, ast.Constant)]
    assert [place for place in places if not place.startswith(("language.py", "report/bilingual.py"))] == []
    assert [place for place, argument in said_in_partials() if not isinstance(argument, nodes.Const)] == []


def test_every_template_has_its_chinese():
    needed = {**dict.fromkeys(terms(), "a term"), **templates()}
    assert {text: place for text, place in needed.items() if needs_words(text) and text not in CHINESE} == {}


def test_the_catalogue_has_nothing_that_is_not_said():
    known = {*templates(), *terms(), *TERMS_OF_RECORDS}
    assert sorted(set(CHINESE) - known) == []


@pytest.mark.parametrize("template", CHINESE)
def test_a_translation_has_the_same_blanks(template):
    assert placeholders(CHINESE[template]) == placeholders(template)
    assert CHINESE[template]


def test_the_catalogue_is_sorted():
    text = (SOURCE / "zh.json").read_text(encoding="utf-8")
    assert list(json.loads(text)) == sorted(CHINESE)


@pytest.mark.parametrize("partial", PARTIALS, ids=lambda file: file.name)
def test_a_partial_has_no_words_of_its_own(partial):
    """Words between the tags go through `t`; quoted ones within expressions too."""
    template = parsed(partial)
    markup = "".join(data.data for data in template.find_all(nodes.TemplateData))
    markup = re.sub(r"<head>.*?</head>|<!doctype.*?>", "", markup, flags=re.DOTALL)
    text = re.sub(r"<[^>]*>?|^[^<]*>", " ", markup)
    assert set(re.findall(r"[A-Za-z]{3,}", text)) <= {"English"}


def test_a_message_is_its_english_text_and_can_be_said_in_chinese():
    message = say("Take {rung}: {score}.", rung="`svm`", score=say("{low} to {high}", low="1", high="2"))
    assert message == "Take `svm`: 1 to 2."
    assert message.said(Language.ENGLISH) == message
    assert message.said(Language.CHINESE) == "选用 `svm`：1 至 2。"
    assert json.loads(json.dumps({"sentence": message})) == {"sentence": "Take `svm`: 1 to 2."}
    assert copy.deepcopy(message).said(Language.CHINESE) == message.said(Language.CHINESE)


def test_lists_and_paragraphs_are_joined_as_the_language_does():
    assert comma_list(["a", "b", "c"]) == "a, b and c"
    assert comma_list(["a", "b", "c"]).said(Language.CHINESE) == "a、b、c"
    assert clauses([]) == ""
    both = paragraph([say("validation"), "", say("size")])
    assert (both, both.said(Language.CHINESE)) == ("validation size", "验证集体积")


def test_what_no_catalogue_has_stays_as_it_is():
    assert term("a {b} c").said(Language.CHINESE) == "a {b} c"
    assert Message("x").said(Language.CHINESE) == "x"


def test_messages_are_said_wherever_they_are():
    value = {"a": [say("validation"), 1], "b": (say("size"),), "c": None}
    assert spoken(value, Language.CHINESE) == {"a": ["验证集", 1], "b": ["体积"], "c": None}
