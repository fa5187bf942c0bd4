"""The energy that a job takes, where the machine tells it, and what a busy core takes where it doesn't."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

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


class EnergyMeter:
    """Reads RAPL's and NVML's counters from when it is made.

    Args:
        device: a torch device name.
        powercap: Linux's folder of RAPL's zones.
        stat: Linux's file of the CPU time of the machine.
    """

    def __init__(self, device: str = "cpu", *, powercap: Path = _POWERCAP, stat: Path = _STAT) -> None:
        self._device, self._zones, self._stat = device, _zones(powercap), stat
        self._start, self._own, self._busy = time.perf_counter(), time.process_time(), _busy_seconds(stat)
        self._microjoules = [_number(zone / "energy_uj") for zone in self._zones]
        self._card = None if device == "cpu" else _card(device)
        self._card_joules = _card_joules(self._card)

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
        if not self._zones or busy is None or self._busy is None:
            return None
        seconds = time.perf_counter() - self._start
        if seconds < _LEAST_SECONDS:
            return None
        joules = 0.0
        for zone, before in zip(self._zones, self._microjoules, strict=True):
            now, most = _number(zone / "energy_uj"), _number(zone / "max_energy_range_uj")
            if before is None or now is None or most is None:
                return None
            if seconds * _MOST_WATTS > 1e-6 * most:  # it may have begun anew more than once
                return None
            joules += 1e-6 * (
                now - before if now >= before else now - before + most
            )  # it begins anew at its end
        return joules * min(1.0, own / max(own, busy - self._busy)) if own else 0.0


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
