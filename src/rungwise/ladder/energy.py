"""The energy that a job takes, where the machine tells it, and what a busy core takes where it doesn't."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

__all__ = ["EnergyMeter", "core_power"]

_POWERCAP, _STAT = Path("/sys/class/powercap"), Path("/proc/stat")

_ZONES = ("package", "dram")
"""How those of RAPL's zones are called that are together the whole, with nothing counted twice."""

_MOST_CORE_WATTS = 20.0
"""No processor takes more for each of its threads: where a table says so, the machine is a part of a larger one."""

_LEAST_SECONDS = 0.05
"""Linux counts CPU time in hundredths of a second, which says nothing of less than some of them."""


_MOST_WATTS = 1000.0
"""No package takes more: the largest of 2025 are of 500 W, and take no more than twice that for long."""

_LOOK_SECONDS = 15.0
"""How often RAPL's counters are looked at: at `_MOST_WATTS` the least of them, of 65 kJ, begins anew after 65 s."""


class EnergyMeter:
    """Reads RAPL's and NVML's counters from when it is made.

    Within a `with`, a thread looks at RAPL's now and then, which begin anew at their end: without, nothing is told of
    what is so long that one may have done so more than once.

    Args:
        device: a torch device name.
        powercap: Linux's folder of RAPL's zones.
        stat: Linux's file of the CPU time of the machine.
        every: seconds between two looks.
    """

    def __init__(
        self,
        device: str = "cpu",
        *,
        powercap: Path = _POWERCAP,
        stat: Path = _STAT,
        every: float = _LOOK_SECONDS,
    ) -> None:
        self._device, self._stat, self._every = device, stat, every
        self._start, self._own, self._busy = time.perf_counter(), time.process_time(), _busy_seconds(stat)
        self._counters = [_Counter(zone) for zone in _zones(powercap)]
        self._is_over, self._thread = threading.Event(), threading.Thread(target=self._look, daemon=True)
        self._card = None if device == "cpu" else _card(device)
        self._card_joules = _card_joules(self._card)

    def __enter__(self) -> Self:
        if self._counters:
            with suppress(
                RuntimeError
            ):  # there may be no room for a thread, and what is short is told without
                self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _look(self) -> None:
        while not self._is_over.wait(self._every):
            for counter in self._counters:
                counter.look()

    def read(self) -> dict[str, float | None]:
        """Joules since it was made, None where the machine doesn't tell them.

        `cpu_joules` are of processors and memory, this process's share by its CPU seconds in those that the machine
        has worked; `gpu_joules` of the whole card that the job is on, 0 on the CPU.
        """
        gpu: float | None = 0.0
        if self._device != "cpu":
            before, now = self._card_joules, _card_joules(self._card)
            gpu = None if before is None or now is None else now - before
        return {"cpu_joules": self._cpu_joules(), "gpu_joules": gpu}

    def _cpu_joules(self) -> float | None:
        own, busy = time.process_time() - self._own, _busy_seconds(self._stat)
        if not self._counters or busy is None or self._busy is None:
            return None
        if time.perf_counter() - self._start < _LEAST_SECONDS:
            return None
        microjoules = [seen for counter in self._counters if (seen := counter.look()) is not None]
        if len(microjoules) < len(self._counters):
            return None
        joules = 1e-6 * sum(microjoules)
        return joules * min(1.0, own / max(own, busy - self._busy)) if own else 0.0


class _Counter:
    """What a zone of RAPL has counted since this was made, by what is seen of it now and then."""

    def __init__(self, zone: Path) -> None:
        self._zone, self._lock = zone, threading.Lock()
        self._seen, self._at = _number(zone / "energy_uj"), time.perf_counter()
        self._microjoules: float | None = 0.0

    def look(self) -> float | None:
        """Microjoules until now; None from when they can't be told, as it may have begun anew more than once."""
        with self._lock:
            before, at = self._seen, self._at
            self._seen, self._at = _number(self._zone / "energy_uj"), time.perf_counter()
            grown = self._grown(before, self._at - at)
            self._microjoules = (
                None if grown is None or self._microjoules is None else self._microjoules + grown
            )
            return self._microjoules

    def _grown(self, before: float | None, seconds: float) -> float | None:
        """What it has counted since it was at a number, so many seconds ago."""
        now, most = self._seen, _number(self._zone / "max_energy_range_uj")
        if before is None or now is None or most is None or seconds * _MOST_WATTS > 1e-6 * most:
            return None
        return now - before if now >= before else now - before + most  # it begins anew at its end


def _zones(powercap: Path) -> list[Path]:
    """Those that are there: none in most virtual machines, nor where they are for root alone, as in many kernels."""
    return [
        zone
        for zone in sorted(powercap.glob("intel-rapl:*"))
        if _text(zone / "name").startswith(_ZONES) and _number(zone / "energy_uj") is not None
    ]


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return ""


def _number(file: Path) -> float | None:
    try:
        return float(_text(file))
    except ValueError:
        return None


def _busy_seconds(stat: Path) -> float | None:
    """CPU seconds that the machine has worked since it started: neither idle, nor waiting, nor stolen."""
    fields = _text(stat).partition("\n")[0].split()
    if len(fields) < 8:
        return None
    user, nice, system, _, _, irq, softirq = map(float, fields[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def _card(device: str) -> Any:
    """NVML's handle of a torch device; None where there is no NVML, or the device isn't NVIDIA's."""
    try:
        import pynvml
        import torch

        pynvml.nvmlInit()
        uuid = torch.cuda.get_device_properties(torch.device(device)).uuid
        return pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
    except Exception:  # whatever a driver raises, nothing is measured by it
        return None


def _card_joules(card: Any) -> float | None:
    """What a card has taken since its driver was loaded."""
    if card is None:
        return None
    try:
        import pynvml

        return 1e-3 * float(pynvml.nvmlDeviceGetTotalEnergyConsumption(card))
    except Exception:  # cards before Volta don't count it
        return None


def core_power() -> dict[str, Any]:
    """What a busy core takes in `watts`, by CodeCarbon's table where that is installed, and a `note` on it; else None.

    The table is a file of that package: nothing touches the network.
    """
    unknown = {"watts": None, "note": None}
    try:
        from codecarbon.core.cpu import TDP
        from codecarbon.external.logger import set_logger_level
    except ImportError:
        return unknown
    try:
        set_logger_level("ERROR")
        found = TDP()
    except Exception:  # what another package can't tell is unknown, and no reason not to climb
        return unknown
    threads = os.cpu_count() or 1
    if not found.tdp or found.tdp / threads > _MOST_CORE_WATTS:
        return unknown
    source = f"{found.model}: {found.tdp:g} W over {threads} threads, by CodeCarbon"
    return {"watts": found.tdp / threads, "note": source}
