"""Raft in virtual time, from a seed: members that crash, lose, and are replaced; links that delay and repeat.

``simulate`` runs one seed, and raises ``ConsensusFailure`` if a promise of Raft's is broken: one leader a term, equal
logs, complete leaders, equal states, and linearizable registers for the clients.
"""

from terrella.testing.consensus.group import ConsensusFailure
from terrella.testing.consensus.world import simulate

__all__ = ["ConsensusFailure", "simulate"]
