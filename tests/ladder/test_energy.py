"""Counters of energy, as folders that look like Linux's, and as a module that looks like NVML's."""

import sys
import threading
import time
from types import ModuleType, SimpleNamespace

import pytest

from rungwise.ladder import energy
from rungwise.ladder.energy import EnergyMeter, core_power


def make_zone(powercap, name, called, microjoules):
    zone = powercap / name
    zone.mkdir(parents=True, exist_ok=True)
    (zone / "name").write_text(f"{called}\n")
    (zone / "max_energy_range_uj").write_text("1000000000\n")
    show(zone, microjoules)


def show(zone, microjoules):
    """What the counter is at, for a thread that may be reading it."""
    (zone / "written").write_text(f"{microjoules}\n")
    (zone / "written").replace(zone / "energy_uj")


@pytest.fixture
def machine(tmp_path):
    """A package at 10 J, its cores, and memory at 990 J that counts up to 1,000 J; 100 s of CPU time worked."""
    powercap, stat = tmp_path / "powercap", tmp_path / "stat"
    make_zone(powercap, "intel-rapl:0", "package-0", 10_000_000)
    make_zone(powercap, "intel-rapl:0:0", "core", 5_000_000)
    make_zone(powercap, "intel-rapl:0:1", "dram", 990_000_000)
    make_zone(powercap, "intel-rapl:1", "psys", 70_000_000)
    stat.write_text("cpu  5000 0 5000 99 99 0 0 0 0 0\ncpu0 1 1 1\n")
    return SimpleNamespace(powercap=powercap, stat=stat)


def work(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_a_process_has_its_share_of_what_packages_and_memory_took(machine):
    meter = EnergyMeter(powercap=machine.powercap, stat=machine.stat)
    work(0.1)
    make_zone(machine.powercap, "intel-rapl:0", "package-0", 14_000_000)
    make_zone(machine.powercap, "intel-rapl:0:1", "dram", 1_000_000)  # it began anew
    machine.stat.write_text("cpu  5010 0 5010 999 99 0 0 0 0 0\n")
    found = meter.read()
    assert 0.5 * 15 <= found["cpu_joules"] < 15  # 4 J and 11 J, of which others worked a part
    assert found["gpu_joules"] == 0


def test_without_counters_no_energy_is_known(machine, tmp_path):
    assert EnergyMeter(powercap=tmp_path / "none", stat=machine.stat).read()["cpu_joules"] is None
    assert EnergyMeter(powercap=machine.powercap, stat=tmp_path / "none").read()["cpu_joules"] is None


def test_what_is_too_short_to_share_is_not_told(machine):
    assert EnergyMeter(powercap=machine.powercap, stat=machine.stat).read()["cpu_joules"] is None


def test_the_energy_of_a_card_is_nvml_s(monkeypatch, machine):
    millijoules = iter([1_000, 31_000])
    nvml = ModuleType("pynvml")
    nvml.nvmlInit = lambda: None
    nvml.nvmlDeviceGetHandleByUUID = lambda uuid: uuid
    nvml.nvmlDeviceGetTotalEnergyConsumption = lambda card: next(millijoules)
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda device: SimpleNamespace(uuid="1"))
    assert EnergyMeter("cuda:0", powercap=machine.powercap, stat=machine.stat).read()["gpu_joules"] == 30


def test_a_card_without_nvml_is_unknown_and_no_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert EnergyMeter("cuda").read()["gpu_joules"] is None


def codecarbon(monkeypatch, tdp):
    """A package that knows the processor's thermal design power."""
    cpu, logger = ModuleType("codecarbon.core.cpu"), ModuleType("codecarbon.external.logger")
    cpu.TDP, logger.set_logger_level = lambda: SimpleNamespace(model="Ryzen", tdp=tdp), lambda level: None
    for module in (
        ModuleType("codecarbon"),
        ModuleType("codecarbon.core"),
        ModuleType("codecarbon.external"),
    ):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(sys.modules, cpu.__name__, cpu)
    monkeypatch.setitem(sys.modules, logger.__name__, logger)
    monkeypatch.setattr("os.cpu_count", lambda: 16)


def test_codecarbon_tells_what_a_core_takes(monkeypatch):
    codecarbon(monkeypatch, 104)
    assert core_power() == {"watts": 6.5, "note": "Ryzen: 104 W over 16 threads, by CodeCarbon"}


@pytest.mark.parametrize("tdp", [None, 3200])
def test_what_codecarbon_cannot_know_is_unknown(monkeypatch, tdp):
    codecarbon(monkeypatch, tdp)  # a virtual machine sees few of its processor's threads
    assert core_power()["watts"] is None


def test_without_codecarbon_nothing_is_known_of_the_core(monkeypatch):
    monkeypatch.setitem(sys.modules, "codecarbon", None)
    assert core_power() == {"watts": None, "note": None}


def test_a_counter_that_may_have_begun_anew_twice_is_not_told(machine, monkeypatch):
    meter = EnergyMeter(powercap=machine.powercap, stat=machine.stat)
    started = time.perf_counter()
    monkeypatch.setattr(time, "perf_counter", lambda: started + 3600)
    assert meter.read()["cpu_joules"] is None


def alone(machine):
    """Nobody else works on the machine, so that all of the energy is this process's."""
    machine.stat.write_text("cpu  5000 0 5000 99 99 0 0 0 0 0\n")


def test_a_counter_that_begins_anew_again_and_again_is_counted_while_it_is_looked_at(machine, monkeypatch):
    monkeypatch.setattr(
        energy, "_MOST_WATTS", 1.0
    )  # however busy this machine is, looks are not too far apart
    alone(machine)
    with EnergyMeter(powercap=machine.powercap, stat=machine.stat, every=0.01) as meter:
        for microjoules in (900_000_000, 100_000_000, 950_000_000, 50_000_000):  # 890, 200, 850 and 100 J
            show(machine.powercap / "intel-rapl:0", microjoules)
            while meter._counters[0]._seen != microjoules:
                work(0.01)
        work(0.1)
        assert meter.read()["cpu_joules"] == pytest.approx(2040)


def test_hours_are_told_where_the_counters_are_looked_at_often_enough(machine, monkeypatch):
    now = time.perf_counter()
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    meter = EnergyMeter(powercap=machine.powercap, stat=machine.stat)
    for _ in range(600):
        now += 0.9  # seconds, in which a package takes 900 J at most
        for counter in meter._counters:
            counter.look()
    work(0.1)
    assert meter.read()["cpu_joules"] == 0
    now += 1.1
    assert meter.read()["cpu_joules"] is None
    assert meter.read()["cpu_joules"] is None  # what was missed stays missed


def test_the_thread_that_looks_ends_with_the_meter_and_is_not_there_without_counters(machine, tmp_path):
    before = threading.active_count()
    with EnergyMeter(powercap=tmp_path / "none", stat=machine.stat):
        assert threading.active_count() == before
    with pytest.raises(RuntimeError, match="the fit failed"):
        fail_under(EnergyMeter(powercap=machine.powercap, stat=machine.stat), before + 1)
    assert threading.active_count() == before


def fail_under(meter, num_threads):
    with meter:
        assert threading.active_count() == num_threads
        raise RuntimeError("the fit failed")


def test_where_no_thread_can_be_started_what_is_short_is_told(machine, monkeypatch):
    monkeypatch.setattr(threading.Thread, "start", lambda self: (_ for _ in ()).throw(RuntimeError("can't")))
    with EnergyMeter(powercap=machine.powercap, stat=machine.stat) as meter:
        show(machine.powercap / "intel-rapl:0", 14_000_000)
        alone(machine)
        work(0.1)
        assert meter.read()["cpu_joules"] == pytest.approx(4)
