"""What a user chose for all rungs at once, made sure that it fits the data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from rungwise import registry
from rungwise.data import Dataset
from rungwise.data.lines import read_lines
from rungwise.errors import ConfigError
from rungwise.fitting import Precision
from rungwise.kinds import InputKind, OutputKind
from rungwise.metrics import metric
from rungwise.preprocessing.balance import check_labels
from rungwise.rung import NetworkRung, Pair, Shape, TextShape
from rungwise.settings import ClassWeight, NetworkConfig, PretrainableConfig, UnlabeledConfig
from rungwise.tasks import Task, task

__all__ = [
    "Settings",
    "check_asked",
    "check_identifies",
    "check_kinds",
    "check_metric",
    "check_pretrained",
    "make_config",
    "parse_class_weight",
    "seen",
    "with_class_weight",
]

Settings = Mapping[str, Mapping[str, Any]]
"""Rung -> setting -> value."""


def check_metric(name: str, task: Task, dataset: Dataset) -> None:
    """Sees that rungs can be compared by a metric on this data.

    Raises:
        ConfigError: if they can't.
    """
    if name not in task.metrics:
        raise ConfigError(f"metric {name!r} isn't one of {task.name}: {', '.join(task.metrics)}.")
    if metric(name).is_binary and dataset.num_outputs != 2:
        raise ConfigError(
            f"metric {name!r} is for two classes, and there are {dataset.num_outputs}; take macro-f1."
        )


def check_identifies(dataset: Dataset) -> None:
    """Sees that there are predicates to find.

    Raises:
        ConfigError: if the task has none.
    """
    if dataset.pair[0] is not InputKind.PREDICATE:
        raise ConfigError(
            "identify_predicates is for `semantic-role-labeling`, and this data has no predicates; leave it out."
        )


def check_asked(
    task_name: str | None,
    metric_name: str | None,
    *,
    rungs: Sequence[str] | None,
    precision: str,
    workers: int | None,
    seeds: int,
    folds: int | None,
) -> None:
    """Sees that what a user asks for is there, before any data is read.

    Raises:
        ConfigError: if the rungs aren't a list, there is no such precision, or a number is under 1.
        UnknownNameError: if there is no such task, rung or metric.
    """
    if isinstance(rungs, str):
        raise ConfigError(f"rungs is {rungs!r}; give a list of names: {rungs.replace(' ', '').split(',')}.")
    pair = None if task_name is None else task(task_name).pair
    if metric_name is not None:
        metric(metric_name)
    for name in rungs or ():
        registry.check_name(name, registry.rung_names() if pair is None else registry.rungs_for(pair))
    if precision not in tuple(Precision):
        raise ConfigError(f"precision {precision!r} is unknown; allowed are {', '.join(Precision)}.")
    for name, value in (("workers", workers), ("seeds", seeds)):
        if value is not None and value < 1:
            raise ConfigError(f"{name} is {value}; it must be at least 1.")
    if folds is not None and folds < 0:
        raise ConfigError(f"folds is {folds}; it must be at least 0.")


def make_config(name: str, settings: Mapping[str, Any]) -> Any:
    """A rung's config, with what the pretrained weights that it names decide.

    Raises:
        ConfigError: if a setting can't be used, or doesn't go with those weights, with the rung's name.
        ModelError: if what the weights say of themselves can't be read.
    """
    rung = registry.rung(name)
    try:
        config = registry.make_config(rung.config, settings)
        if isinstance(rung, NetworkRung) and rung.adopt is not None and config.pretrained is not None:
            from rungwise.artifacts.pretrained import read_description

            config = rung.adopt(config, read_description(config.pretrained))
        return config
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None


def check_kinds(settings: Settings, kind: OutputKind) -> None:
    """Sees that what is set does something for outputs of a kind.

    Raises:
        ConfigError: if a setting can't be used or does nothing, with the rung's name.
    """
    for name in settings:
        try:  # as it was said, and not as pretrained weights have it
            config = registry.make_config(registry.rung(name).config, settings[name])
            if isinstance(config, NetworkConfig):
                check_labels(kind, class_weight=config.class_weight, sampling=config.sampling)
                config.check_kind(kind)
        except ConfigError as error:
            raise ConfigError(f"{name}: {error}") from None


def check_pretrained(rungs: Iterable[str], settings: Settings, shape: Shape) -> None:
    """Sees that weights to begin from can be read and fit their rungs, before any rung climbs; unpickles, downloads.

    Raises:
        ConfigError: if there are none, or they are those of another network, or vectors of another size.
        DataError: if a file of vectors doesn't begin as one, or texts without labels can't be read.
        ModelError: if they can't be read.
    """
    for name in rungs:
        rung = registry.rung(name)
        config = make_config(name, settings.get(name, {}))
        if isinstance(rung, NetworkRung) and isinstance(config, PretrainableConfig) and config.pretrained:
            from rungwise.artifacts.pretrained import read_pretrained
            from rungwise.preprocessing.tokens import tokenizer_text
            from rungwise.training.pretrained import check_fit

            weights = read_pretrained(config.pretrained)
            check_fit(rung, config, seen(config, shape), weights)
            if isinstance(shape, TextShape):
                tokenizer_text(weights)
        if isinstance(config, UnlabeledConfig) and config.unlabeled is not None:
            read_lines(Path(config.unlabeled).expanduser())
        if "vectors" in settings.get(name, {}) and config.vectors is not None:
            from rungwise.preprocessing.vectors import check_vectors

            check_vectors(config.vectors, config.vector_size())


def seen(config: Any, shape: Shape) -> Shape:
    """The problem's size as a rung with these settings gets it."""
    return config.seen(shape) if isinstance(config, NetworkConfig) else shape


def parse_class_weight(name: str) -> ClassWeight:
    """The class weight of that name.

    Raises:
        ConfigError: if there is none.
    """
    if name not in tuple(ClassWeight):
        raise ConfigError(f"class_weight {name!r} is unknown; allowed are {', '.join(ClassWeight)}.")
    return ClassWeight(name)


def with_class_weight(
    class_weight: ClassWeight, rungs: Iterable[str], pair: Pair, settings: Settings
) -> tuple[Settings, list[str]]:
    """The settings, with this class weight for each rung that has one and isn't set itself; sentences on the others.

    Raises:
        ConfigError: if classes are to be weighed and there are none, or a rung's other settings stand against it.
    """
    if class_weight is ClassWeight.NONE:
        return settings, []
    if pair[1] is not OutputKind.LABEL:
        what = (
            "the target is a number, which has no classes"
            if pair[1] is OutputKind.NUMBER
            else "tags aren't weighed"
        )
        raise ConfigError(
            f"class_weight={class_weight.value!r}: {what}; leave it out, or choose a classification with `--task`."
        )
    weighed, others = dict(settings), []
    for name in rungs:
        if any(field.name == "class_weight" for field in fields(registry.rung(name).config)):
            weighed[name] = {"class_weight": class_weight.value, **settings.get(name, {})}
            make_config(name, weighed[name])
        else:
            others.append(name)
    sentence = f"class_weight={class_weight.value!r} does nothing for {', '.join(others)}."
    return weighed, [sentence] if others else []
