"""Load, faults and expectations, played against a running world from outside, as its users and operators would."""

from terrella.gameday.verdict import Finding, Verdict
from terrella.gameday.talk import play_talk

__all__ = ["Finding", "Verdict", "play_talk"]
