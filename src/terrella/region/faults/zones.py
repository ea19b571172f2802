"""Availability zones that are dead or hang, and workers that are killed or hang."""

from collections.abc import Sequence

from terrella.kernel import TerrellaError
from terrella.region.faults.model import ActiveFault
from terrella.region.faults.parameters import Worker, Zone
from terrella.services.functions import Functions


class KilledZones:
    """Their workers are killed, and none are started there."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._held: set[str] = set()

    def check(self, fault: ActiveFault[Zone]) -> None:
        """The zone must be the region's."""
        self._functions.workers(fault.parameters.az)

    def apply(self, faults: Sequence[ActiveFault[Zone]]) -> None:
        """Hold down what is to be held, and restore the rest of what was."""
        wanted = {fault.parameters.az for fault in faults}
        for az in self._held - wanted:
            self._functions.restore_az(az)
        for az in wanted - self._held:
            killed = self._functions.hold_az_down(az)
            for fault in faults:
                fault.hits += killed if fault.parameters.az == az else 0
        self._held = wanted


class PausedZones:
    """Their workers are stopped where they are: what they are given hangs until it times out."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._frozen: set[str] = set()

    def check(self, fault: ActiveFault[Zone]) -> None:
        """The zone must be the region's."""
        self._functions.workers(fault.parameters.az)

    def apply(self, faults: Sequence[ActiveFault[Zone]]) -> None:
        """Freeze what is to be frozen, and let the rest go on."""
        wanted = {fault.parameters.az for fault in faults}
        for az in self._frozen - wanted:
            self._functions.thaw_az(az)
        for az in wanted - self._frozen:
            frozen = self._functions.freeze_az(az)
            for fault in faults:
                fault.hits += frozen if fault.parameters.az == az else 0
        self._frozen = wanted


class KilledWorker:
    """One worker is killed: what it was doing fails, and another one is started when it is needed."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    def check(self, fault: ActiveFault[Worker]) -> None:
        """The zone and the function must be there."""
        check_worker(self._functions, fault.parameters)

    def apply(self, faults: Sequence[ActiveFault[Worker]]) -> None:
        """Kill one that works, else one that is idle; ``hits`` stays 0 if there is none."""
        for fault in faults:
            for worker in self._functions.workers(fault.parameters.az, fault.parameters.function)[:1]:
                worker.kill()
                fault.hits += 1


class PausedWorkers:
    """For each fault, one worker is stopped where it is."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._frozen: dict[str, int] = {}

    def check(self, fault: ActiveFault[Worker]) -> None:
        """The zone and the function must be there."""
        check_worker(self._functions, fault.parameters)

    def apply(self, faults: Sequence[ActiveFault[Worker]]) -> None:
        """Freeze one that works, else one that is idle; ``hits`` stays 0 if there is none."""
        wanted = {fault.id for fault in faults}
        everyone = {worker.pid: worker for worker in self._functions.workers()}
        for fault_id in self._frozen.keys() - wanted:
            worker = everyone.get(self._frozen.pop(fault_id))
            if worker is not None and worker.az not in self._functions.frozen_azs:
                worker.thaw()
        for fault in faults:
            if fault.id not in self._frozen:
                found = self._functions.workers(fault.parameters.az, fault.parameters.function)
                for worker in [each for each in found if each.pid not in self._frozen.values()][:1]:
                    worker.freeze()
                    assert worker.pid is not None
                    self._frozen[fault.id] = worker.pid
                    fault.hits += 1


def check_worker(functions: Functions, wanted: Worker) -> None:
    """Raises ``TerrellaError`` for a zone or a function that the region does not have."""
    functions.workers(wanted.az)
    check_function(functions, wanted.function)


def check_function(functions: Functions, name: str) -> None:
    """Raises ``TerrellaError`` if there is none of this name or logical id."""
    known = {each.name: each.logical_id for each in functions.status()}
    if name and name not in known and name not in known.values():
        there_are = ", ".join(sorted(each for each in known.values() if each) or sorted(known)) or "none"
        raise TerrellaError(f"there is no function {name} in {functions.region}; there are {there_are}")
