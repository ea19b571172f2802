"""How figures are shown: quantities that people read, and unknown ones as unknown, with their age."""

from typing import Any

BARS = "▁▂▃▄▅▆▇█"
UNKNOWN = "?"
_SPARK_FLOOR_MS = 1.0


def show_ms(value: float | None) -> str:
    """``34 ms``, ``1.2 s``, ``3 min``, ``2 h``; ``-`` for what was never measured."""
    if value is None:
        return "-"
    if value < 1000:
        return f"{value:.0f} ms"
    seconds = value / 1000
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def show_bytes(value: float) -> str:
    """``812 B``, ``4.1 kB``, ``12 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.1f} {unit}" if unit != "B" and value < 9.95 else f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.0f} TB"


def lag_of(pair: dict[str, Any]) -> str:
    """The lag now; if it is unknown, for how long it has been, and the bound that is certain."""
    if pair["lag_ms"] is not None:
        return show_ms(pair["lag_ms"])
    return unknown_for(pair["known_ms_ago"])


def unknown_for(known_ms_ago: float | None) -> str:
    """``? 12 s``: not known for 12 seconds; a lone ``?``: never known."""
    return UNKNOWN if known_ms_ago is None else f"{UNKNOWN} {show_ms(known_ms_ago)}"


def records_of(pair: dict[str, Any]) -> str:
    """Records behind; where that is unknown, how many it is at least."""
    if pair["records_behind"] is not None:
        return str(pair["records_behind"])
    at_least = pair["records_behind_at_least"]
    return f"≥ {at_least}" if at_least else UNKNOWN


def bytes_of(pair: dict[str, Any]) -> str:
    """Bytes behind, with a tilde if a part is an estimate."""
    if pair["bytes_behind"] is None:
        return UNKNOWN
    return ("" if pair["bytes_behind_exact"] else "~") + show_bytes(pair["bytes_behind"])


def offsets_of(table: dict[str, Any], peer: str) -> str:
    """``here/there``: the records of the peer's own that are here, and that it says it has (``≥``: it has said)."""
    pair = table["peers"][peer]
    here, there = (
        sum(sequence for origin, sequence in vector.items() if origin.partition("/")[0] == peer)
        for vector in (table["own"], pair["theirs"])
    )
    if not pair["theirs"] and pair["known_ms_ago"] is None:
        return f"{here}/{UNKNOWN}"
    return f"{here}/{'' if pair['records_behind'] is not None else '≥'}{max(here, there)}"


def worst(pairs: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Of a region's tables towards one peer, the one that is worst off: unknown for longest, else furthest behind."""
    if not pairs:
        return None
    unknown = [pair for pair in pairs if pair["lag_ms"] is None]
    if unknown:
        never = [pair for pair in unknown if pair["known_ms_ago"] is None]
        return never[0] if never else max(unknown, key=lambda pair: float(pair["known_ms_ago"]))
    return max(pairs, key=lambda pair: float(pair["lag_ms"]))


def sparkline(values: list[float | None]) -> str:
    """A bar for each value, scaled to the greatest of them; ``?`` where it was unknown."""
    top = max((value for value in values if value is not None), default=0.0)
    top = max(top, _SPARK_FLOOR_MS)
    return "".join(
        UNKNOWN if value is None else BARS[min(len(BARS) - 1, int(value / top * len(BARS)))] for value in values
    )


def show_key(key: str) -> str:
    """An encoded key (hexadecimal) as text, if it is one; its parts have a terminator between them."""
    content = bytes.fromhex(key)
    try:
        text = content.replace(b"\x00\x01", b" / ").decode()
    except UnicodeDecodeError:
        return key
    return text if text.isprintable() else key
