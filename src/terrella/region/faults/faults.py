"""The faults that are active in one region, and who carries them out."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from terrella.kernel import Clock, TerrellaError
from terrella.region.faults.model import ActiveFault, FaultOrder, Mechanism, read_parameters
from terrella.region.faults.parameters import KINDS, MOMENTARY_FAULTS

_log = logging.getLogger(__name__)


class RegionFaults:
    """``mechanisms`` carries out each kind. Faults end with the process: whoever wants them to go on says so again."""

    def __init__(self, mechanisms: Mapping[str, Mechanism], clock: Clock) -> None:
        assert mechanisms.keys() == KINDS.keys(), "a kind of fault that nobody carries out"
        self._mechanisms = mechanisms
        self._clock = clock
        self._active: dict[str, ActiveFault[Any]] = {}

    def begin(self, order: FaultOrder) -> dict[str, Any]:
        """Break something; ``done`` is how often it was done. Raises ``TerrellaError``: nothing is broken then."""
        fault = self._read(order)
        mechanism = self._mechanisms[fault.kind]
        mechanism.check(fault)
        if fault.kind in MOMENTARY_FAULTS:
            mechanism.apply([fault])
            _log.warning("fault: %s (%d)", fault.id, fault.hits)
            return {"id": fault.id, "done": fault.hits}
        replaced = self._active.pop(fault.id, None)
        self._active[fault.id] = fault
        if replaced is not None and replaced.kind != fault.kind:
            self._apply(replaced.kind)
        self._apply(fault.kind)
        _log.warning("fault: %s", fault.id)
        return {"id": fault.id}

    def end(self, fault_id: str) -> dict[str, Any]:
        """Mend it; ``ended`` is False if there was no such fault."""
        fault = self._active.pop(fault_id, None)
        if fault is not None:
            self._apply(fault.kind)
            _log.warning("no longer: %s (it spoilt %d)", fault.id, fault.hits)
        return {"id": fault_id, "ended": fault is not None}

    def set_all(self, orders: Sequence[FaultOrder]) -> dict[str, Any]:
        """These are active, and no others; what was active before goes on undisturbed. Raises ``TerrellaError``.

        Whether what they name is there is not asked: it may come.
        """
        wanted = {order.id: self._read(order) for order in orders}
        for fault_id in [each for each in self._active if each not in wanted]:
            self.end(fault_id)
        for fault in wanted.values():
            known = self._active.get(fault.id)
            if known is None or (known.kind, known.parameters) != (fault.kind, fault.parameters):
                self._active[fault.id] = fault
                self._apply(fault.kind)
                _log.warning("fault: %s", fault.id)
        return {"active": list(self._active)}

    def close(self) -> None:
        """Mend everything: a region that stops must not leave its workers paused."""
        for fault_id in list(self._active):
            self.end(fault_id)

    def report(self) -> list[dict[str, Any]]:
        """Every active fault; ``hits`` is what it has spoilt so far, where that can be counted."""
        return [
            {
                "id": fault.id,
                "kind": fault.kind,
                "parameters": msgspec.to_builtins(fault.parameters),
                "since_ms": fault.since_ms,
                "hits": fault.hits,
            }
            for fault in self._active.values()
        ]

    def _read(self, order: FaultOrder) -> ActiveFault[Any]:
        parameters = check_fault(order.kind, order.parameters)
        return ActiveFault(order.id, order.kind, order.since_ms or self._clock.now_ms(), parameters)

    def _apply(self, kind: str) -> None:
        self._mechanisms[kind].apply([each for each in self._active.values() if each.kind == kind])


def check_fault(kind: str, parameters: Mapping[str, Any]) -> msgspec.Struct:
    """The parameters of a kind of fault that regions carry out. Raises ``TerrellaError``."""
    shape = KINDS.get(kind)
    if shape is None:
        raise TerrellaError(f"found the kind of fault {kind!r}, expected one of {', '.join(KINDS)}")
    return read_parameters(kind, parameters, shape)
