"""Raft in virtual time, from a seed: members that crash and are replaced, links that delay, repeat and fall silent.

``simulate`` runs one seed, and raises ``ConsensusFailure`` if one of Raft's promises is broken: one leader a term,
equal logs, complete leaders, equal states, and linearizable registers for the clients.
"""

from terrella.testing.consensus.climate import CLIMATES, Climate
from terrella.testing.consensus.group import ConsensusFailure, Group
from terrella.testing.consensus.machine import Registers
from terrella.testing.consensus.member import Member
from terrella.testing.consensus.world import simulate

__all__ = ["CLIMATES", "Climate", "ConsensusFailure", "Group", "Member", "Registers", "simulate"]
