"""What people write for durations, shares and bandwidths: ``38ms``, ``1%``, ``10MB/s``. All raise ``ValueError``."""

import re

DURATION = "a duration such as 38ms or 1.5s"
SHARE = "a share such as 1% or 0.01"
BANDWIDTH = "a bandwidth such as 10MB/s or 100Mbit/s"

_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile(rf"{_NUMBER}\s*(ms|s|m|h)")
_SHARE = re.compile(rf"{_NUMBER}\s*(%?)")
_BANDWIDTH = re.compile(rf"{_NUMBER}\s*([kMG]?)(B|bit)/s")
_MS = {"ms": 1.0, "s": 1000.0, "m": 60_000.0, "h": 3_600_000.0}
_PREFIX = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}


def duration_ms(text: str) -> float:
    """``38ms`` → 38.0."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    return float(match[1]) * _MS[match[2]]


def share(text: str) -> float:
    """``1%`` → 0.01; from 0 to 1."""
    match = _SHARE.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    value = float(match[1]) / (100 if match[2] else 1)
    if value > 1:
        raise ValueError(text)
    return value


def bandwidth_bytes_per_s(text: str) -> float:
    """``8Mbit/s`` → 1,000,000.0; more than 0."""
    match = _BANDWIDTH.fullmatch(text.strip())
    if match is None or float(match[1]) == 0:
        raise ValueError(text)
    return float(match[1]) * _PREFIX[match[2]] / (8 if match[3] == "bit" else 1)


def show_duration(milliseconds: float) -> str:
    """32.0 → ``32ms``, 1500.0 → ``1.5s``."""
    return f"{milliseconds / 1000:g}s" if milliseconds >= 1000 else f"{milliseconds:g}ms"


def show_bandwidth(bytes_per_s: float | None) -> str:
    """1e7 → ``10MB/s``; None → ``unlimited``."""
    if bytes_per_s is None:
        return "unlimited"
    for prefix in ("G", "M", "k"):
        if bytes_per_s >= _PREFIX[prefix]:
            return f"{bytes_per_s / _PREFIX[prefix]:g}{prefix}B/s"
    return f"{bytes_per_s:g}B/s"
