"""Amounts follow from the journal's records alone, those of earlier versions included."""

import numpy as np
import pytest

from rungwise.errors import ConfigError
from rungwise.evaluation import Provenance, append_record, costs_of
from rungwise.evaluation.cost_tables import cost_tables
from rungwise.evaluation.costs import CORE_WATTS, QUANTITIES, cost_frame, spent
from rungwise.evaluation.outcomes import Outcome
from rungwise.evaluation.terms import Cost

MEASURED, ESTIMATED, UNAVAILABLE = Provenance

FIT = {
    "fit_seconds": 36.0,
    "fit_cpu_seconds": 50.0,
    "fit_energy": {"cpu_joules": None, "gpu_joules": 0.0},
    "parameters": 1000,
    "model_bytes": 4000,
    "peak_memory_bytes": 3e8,
    "history": [{"epoch": 1}, {"epoch": 2.5}],
    "cost": {"parameters": 1000, "predict_flops": 2000.0, "fit_flops": 2e6, "fit_bytes": 1e6},
}
ANSWERS = {
    "latency_seconds": 0.001,
    "latency_mean_seconds": 0.0012,
    "latency_p95_seconds": 0.002,
    "latency_p99_seconds": 0.004,
    "num_calls": 300,
    "start_seconds": 0.03,
    "import_cpu_seconds": 1.5,
    "throughput": 10_000.0,
    "batch_size": 256,
    "answer_cpu_seconds": 1e-4,
    "answer_energy": {"cpu_joules": None, "gpu_joules": 0.0},
    "counted_flops": {"predict": 2100.0, "step": 6300.0},
}


def outcome(rung="lstm", **fields):
    return Outcome(rung, {"rung": rung, "order": 1, **FIT, **ANSWERS, **fields}, None, None, num_train=400)


def test_every_cost_of_a_whole_record_is_known_and_says_how():
    costs = costs_of(outcome(), price_per_hour=0.5)
    estimated = {name for name, amount in costs.items() if amount.provenance is ESTIMATED}
    assert all(amount.value is not None for amount in costs.values())
    assert estimated == {
        "fit_flops",
        "fit_flops_counted",
        "fit_energy",
        "fit_price",
        "predict_flops",
        "million_energy",
        "million_price",
        "million_price_alone",
    }
    assert all(costs[name].note for name in estimated)


def test_amounts_are_in_the_units_that_they_say():
    costs = costs_of(outcome(), price_per_hour=0.5)
    assert costs["fit_energy"].value == pytest.approx(50 * CORE_WATTS)
    assert costs["million_energy"].value == pytest.approx(1e6 * 1e-4 * CORE_WATTS)
    assert costs["fit_price"].value == pytest.approx(0.5 * 36 / 3600)
    assert costs["million_price"].value == pytest.approx(0.5 * 1e6 / 10_000 / 3600)
    assert costs["million_price_alone"].value == pytest.approx(0.5 * 1e6 * 0.0012 / 3600)
    assert costs["fit_flops_counted"].value == pytest.approx(6300 * 400 * 2.5)
    assert costs["predict_flops_counted"].value == 2100


def test_without_a_price_prices_are_unavailable_and_say_what_to_give():
    costs = costs_of(outcome())
    for name in ("fit_price", "million_price", "million_price_alone"):
        assert costs[name].provenance is UNAVAILABLE
        assert "--price-per-hour" in costs[name].note


@pytest.mark.parametrize("price", [0, -1, float("nan"), float("inf")])
def test_a_price_that_is_no_amount_is_refused(price):
    with pytest.raises(ConfigError, match=r"price_per_hour .* must be a number above 0"):
        costs_of(outcome(), price_per_hour=price)


def test_a_record_of_an_earlier_version_has_what_it_has():
    record = {"rung": "svm", "order": 0, "fit_cpu_seconds": 2.0, "latency_seconds": 0.001}
    costs = costs_of(Outcome("svm", record, None, None), price_per_hour=1.0)
    known = {name for name, amount in costs.items() if amount.value is not None}
    assert known == {"fit_cpu_time", "latency"}
    assert all(amount.note for name, amount in costs.items() if name not in known)


def test_energy_is_measured_where_a_counter_told_it():
    costs = costs_of(outcome(fit_energy={"cpu_joules": 70.0, "gpu_joules": 30.0}))
    assert costs["fit_energy"].value == 100
    assert costs["fit_energy"].provenance is MEASURED
    assert "RAPL" in costs["fit_energy"].note
    assert "NVML's count of the whole card" in costs["fit_energy"].note


def test_energy_of_a_card_that_tells_nothing_is_not_guessed():
    amount = costs_of(outcome(fit_energy={"cpu_joules": None, "gpu_joules": None}))["fit_energy"]
    assert amount.provenance is UNAVAILABLE
    assert "rungwise[energy]" in amount.note


def test_the_watts_of_the_machine_s_processor_are_taken_where_they_are_known():
    amount = costs_of(outcome(core_power={"watts": 6.5, "note": "Ryzen: 104 W over 16 threads"}))[
        "fit_energy"
    ]
    assert amount.value == pytest.approx(50 * 6.5)
    assert "6.5 W for each CPU second (Ryzen: 104 W over 16 threads)" in amount.note


def test_a_percentile_of_too_few_calls_is_unavailable_and_says_how_many_it_takes():
    costs = costs_of(outcome(latency_p99_seconds=None, num_calls=40))
    assert costs["latency_p95"].value == 0.002
    assert costs["latency_p99"].note == "it takes 100 calls to know it, and there was time for fewer"


def test_times_that_others_disturbed_are_said_to_be_too_long():
    assert costs_of(outcome(core_share=0.99))["latency"].note == ""
    for name in ("latency", "latency_p95", "latency_p99"):
        assert "others worked on the machine" in costs_of(outcome(core_share=0.3))[name].note


def test_what_is_to_be_saved_is_one_of_the_costs():
    one, costs = outcome(), costs_of(outcome(), price_per_hour=2.0)
    for cost, name in (
        (Cost.TRAIN, "fit_cpu_time"),
        (Cost.SIZE, "model_bytes"),
        (Cost.LATENCY, "latency"),
        (Cost.ENERGY, "million_energy"),
    ):
        assert spent(one, cost) == costs[name].value
    dear = outcome(throughput=1000.0)
    prices = [costs_of(each, price_per_hour=2.0)["million_price"].value for each in (dear, one)]
    assert spent(dear, Cost.PRICE) / spent(one, Cost.PRICE) == pytest.approx(prices[0] / prices[1])
    assert spent(outcome(throughput=None), Cost.PRICE) is None


def test_a_frame_has_a_value_and_a_provenance_of_each():
    frame = cost_frame({rung: costs_of(outcome(rung)) for rung in ("svm", "lstm")})
    assert frame["rung"].tolist() == ["svm", "lstm"]
    assert len(frame.columns) == 1 + 2 * len(QUANTITIES)
    assert frame["throughput"].tolist() == [10_000, 10_000]
    assert frame["fit_energy_provenance"].tolist() == ["estimated", "estimated"]
    assert np.isnan(frame["fit_price"]).all()
    assert cost_frame({}).empty


def test_tables_mark_estimates_leave_out_what_nobody_knows_and_say_why():
    svm = outcome("svm", counted_flops=None)
    train, keep, ask, batch = cost_tables({o.rung: costs_of(o) for o in (svm, outcome())})
    assert [each.title for each in (train, keep, ask, batch)] == [
        "to train",
        "to keep and start",
        "to ask about one example",
        "to ask in batches",
    ]
    assert "price" not in train.titles
    cells = dict(zip(train.titles, train.rows["svm"], strict=True))
    assert (cells["CPU time"], cells["energy"], cells["FLOPs counted"]) == ("50 s", "~200 J", "–")
    assert any(note.startswith("price: – give what an hour") for note in train.notes)
    assert any(
        note.startswith("FLOPs counted of `svm`: – operations are counted in networks")
        for note in train.notes
    )
    assert any(note.startswith("energy: ~ no counter (RAPL)") for note in train.notes)
    assert "throughput: in batches of 256." in batch.notes
    assert len(set(train.notes)) == len(train.notes)


def test_what_answers_cost_joins_the_record_of_its_rung(make_run):
    from rungwise.evaluation import Results

    run = make_run({"svm": (0.9, 0.9)})
    append_record(run, {"type": "run", "config": {"core_power": {"watts": 5.0, "note": "a table"}}})
    append_record(run, {"type": "latency", "rung": "svm", **ANSWERS})
    [found] = Results(run).outcomes
    assert found.record["type"] == "rung"
    assert costs_of(found)["throughput"].value == 10_000
    assert costs_of(found)["million_energy"].value == pytest.approx(500)
