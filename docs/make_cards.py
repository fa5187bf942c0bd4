"""Writes the pages that follow from the rungs' files: docs/rungs/*.md and docs/ladder.md. `make docs` runs it."""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from pathlib import Path

from rungwise import registry
from rungwise.estimators import estimator_class
from rungwise.kinds import InputKind, OutputKind
from rungwise.rung import ImageShape, Pair, SentenceShape, Shape, TableShape, TextShape
from rungwise.tasks import task, task_names

DOCS = Path(__file__).parent
NOTE = "<!-- Written by docs/make_cards.py. Change the docstring of {source} and run `make docs`. -->"

FAMILIES = {
    "traditional": """Each of these has few numbers to learn, and a problem with one best answer or a short way to
a good one. What a model sees is designed by hand: a column, a word count, a histogram of edges. On small data and
on tables they are hard to beat, and they say what they look at.""",
    "cnn": """A convolution learns what to look for in a small window and looks for it everywhere. So the features
are learned too, and what was learned at one place holds at every other.""",
    "rnn": """A recurrent network reads one token after the other and carries a state along. In principle nothing
that it has read is too far away; in practice gradients vanish over time, which gates mend in part.""",
    "transformer": """Attention lets every token look at every other in one step. The network assumes the least of
all, so it has the most to learn from data: alone on small data it loses, and it gains the longest as data grow.""",
}
"""What the rungs of each family have in common."""

SIZES = (1_000, 100_000)
"""Training examples that costs are shown for."""


def example_shape(pair: Pair, num_examples: int) -> tuple[Shape, str]:
    """A problem of ordinary size for a pair of kinds, and what it is in words."""
    num_outputs, words = (10, ", 10 classes") if pair[1] is OutputKind.LABEL else (1, "")
    match pair[0]:
        case InputKind.TABLE:
            table = TableShape(
                num_examples=num_examples, num_outputs=num_outputs, num_numbers=20, cardinalities=(10,) * 5
            )
            return table, f"20 numbers and 5 categories of 10 values{words}"
        case InputKind.TEXT:
            text = TextShape(
                num_examples=num_examples,
                num_outputs=num_outputs,
                vocab_size=min(30_000, int(10 * (30 * num_examples) ** 0.5)),
                mean_tokens=30,
                max_tokens=120,
            )
            return text, f"texts of 30 tokens{words}"
        case InputKind.IMAGE:
            image = ImageShape(
                num_examples=num_examples, num_outputs=num_outputs, channels=1, height=28, width=28
            )
            return image, f"28 by 28 pixels in grey{words}"
        case InputKind.TOKENS | InputKind.PREDICATE:
            num_types, mean_tokens = (4, 20) if pair[0] is InputKind.TOKENS else (40, 25)
            sentences = SentenceShape(
                num_examples=num_examples,
                num_outputs=1 + 2 * num_types,
                vocab_size=min(30_000, int(10 * (mean_tokens * num_examples) ** 0.5)),
                mean_tokens=mean_tokens,
                max_tokens=4 * mean_tokens,
                has_predicates=pair[0] is InputKind.PREDICATE,
            )
            with_predicates = " with a predicate" if sentences.has_predicates else ""
            return (
                sentences,
                f"sentences of {mean_tokens} tokens{with_predicates}, {num_types} types of spans",
            )


def main() -> None:
    """Writes every page, and removes those of rungs that are gone."""
    pages = make_pages()
    for file in (DOCS / "rungs").glob("*.md"):
        if file.relative_to(DOCS).as_posix() not in pages:
            file.unlink()
    for name, text in pages.items():
        file = DOCS / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    print(f"{len(pages)} pages written", file=sys.stderr)


def make_pages() -> dict[str, str]:
    """Every generated page: its path below docs/ and its text."""
    return {"ladder.md": ladder_page()} | {
        f"rungs/{name}.md": rung_page(name) for name in registry.rung_names()
    }


def rung_page(name: str) -> str:
    """A rung's card, its settings, and what it costs."""
    card, rung = registry.card(name), registry.rung(name)
    source = f"src/rungwise/rungs/{card.family}/{name.replace('-', '_')}.py"
    tasks = [known for known in task_names() if task(known).pair in rung.accepts]
    outputs = sorted({pair[1] for pair in rung.accepts})
    lines = [
        NOTE.format(source=source),
        f"# {name}",
        card.title,
        f"[{card.family}](../ladder.md#{card.family}) · {', '.join(f'`{known}`' for known in tasks)} · "
        f"{', '.join(f'`rw.{estimator_class(name, output).__name__}`' for output in outputs)} · "
        f"[source](../../{source})",
    ]
    for section, text in card.sections.items():
        lines += [f"## {section}", f"```text\n{text}\n```" if section == "Formula" else text]
        if section == "Cost":
            lines += [
                "By formula, with default settings:",
                cost_table(name, [task(known).pair for known in tasks]),
            ]
    lines += ["## Settings", settings_table(rung.config)]
    return "\n\n".join(lines) + "\n"


def cost_table(name: str, pairs: list[Pair]) -> str:
    """What a rung costs by its formula with default settings on problems of ordinary size."""
    rung = registry.rung(name)
    rows = []
    for pair in pairs:
        for num_examples in SIZES:
            shape, words = example_shape(pair, num_examples)
            cost = rung.cost(rung.config(), shape)
            numbers = (cost.parameters, cost.predict_flops, cost.fit_flops)
            memory = f"{short(cost.fit_bytes)}B"
            rows.append(f"| {words} | {num_examples:,} | {' | '.join(map(short, numbers))} | {memory} |")
    numbers = "parameters | operations to predict one | operations to train | memory to train"
    head = f"| problem | training examples | {numbers} |"
    return "\n".join([head, "|---|--:|--:|--:|--:|--:|", *rows])


def short(number: float) -> str:
    """A number in two digits and a unit: 1.2e6 -> "1.2 M"."""
    for unit, letter in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= unit:
            return f"{number / unit:.2g} {letter}" if number < 100 * unit else f"{number / unit:.0f} {letter}"
    return f"{number:.0f}"


def settings_table(config: type) -> str:
    """The fields of a config class, their defaults and what they mean."""
    meanings: dict[str, str] = {}
    for cls in reversed(config.__mro__):
        docstring = inspect.cleandoc(cls.__doc__ or "")
        meanings |= re.findall(r"^ {4}(\w+): (.+(?:\n {8,}.+)*)", docstring, re.MULTILINE)
    rows = [
        f"| `{field.name}` | `{getattr(field.default, 'value', field.default)}` | "
        f"{' '.join(meanings.get(field.name, '').split())} |"
        for field in dataclasses.fields(config)
    ]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows]) if rows else "It has none."


def ladder_page() -> str:
    """The way from traditional to large models: families, then the ladder of each task."""
    lines = [
        NOTE.format(source="a rung"),
        "# The ladder",
        "Every rung can be climbed on your data with one command, `rungwise fit`, and has a page of its own: the idea, "
        "the formula, the paper, where we deviate from it, what it costs, and when it tends to win and to lose. "
        "`rungwise rungs NAME` prints the same.",
        "## The way, family by family",
    ]
    for family in registry.FAMILIES:
        cards = [card for name in registry.rung_names() if (card := registry.card(name)).family == family]
        rows = [
            f"| {year} | [{card.name}](rungs/{card.name}.md) | {card.title.rstrip('.')} |"
            for year, card in sorted(((source_year(card), card) for card in cards), key=lambda pair: pair[0])
        ]
        lines += [f"### {family}", FAMILIES[family], "\n".join(["| year | rung | |", "|---|---|---|", *rows])]
    lines += [
        "## The ladder of each task",
        f"Cheapest first, by the formulas and with default settings, for {SIZES[-1]:,} training examples. On your own "
        "data the order follows its size and shape, and `rungwise fit` measures what each really costs.",
    ]
    for name in task_names():
        lines += [f"### {name}", f"{task(name).title}. {task_table(task(name).pair)}"]
    return "\n\n".join(lines) + "\n"


def source_year(card: registry.Card) -> str:
    """The year of the rung's first source."""
    found = re.search(r"\((\d{4})\)", card.sections["Source"])
    assert found is not None, f"the source of {card.name} has no year"
    return found[1]


def task_table(pair: Pair) -> str:
    """The rungs that accept a pair, in order of what training costs."""
    shape, words = example_shape(pair, SIZES[-1])
    costs = {
        name: registry.rung(name).cost(registry.rung(name).config(), shape)
        for name in registry.rungs_for(pair)
    }
    rows = [
        f"| [{name}](rungs/{name}.md) | {short(cost.parameters)} | {short(cost.predict_flops)} | "
        f"{short(cost.fit_flops)} |"
        for name, cost in sorted(costs.items(), key=lambda item: (item[1].fit_flops, item[0]))
    ]
    head = "| rung | parameters | operations to predict one | operations to train |"
    return "\n".join([f"For {words}:\n", head, "|---|--:|--:|--:|", *rows])


if __name__ == "__main__":
    main()
