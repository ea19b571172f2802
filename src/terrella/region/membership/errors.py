"""What changing the membership can end in.

``MembershipError``
    ``RefusedError``            it cannot be, or not now; nothing has happened
    ``NoMajorityError``         too few regions can be reached to decide; nothing has happened
    ``OutcomeUndecidedError``   nobody answered in time: it may happen yet; asking again does no harm
"""

from terrella.kernel import TerrellaError


class MembershipError(TerrellaError):
    """The root."""


class RefusedError(MembershipError):
    """The change cannot be made, or not now; nothing has happened."""


class NoMajorityError(MembershipError):
    """Too few regions can be reached to decide; nothing has happened."""


class OutcomeUndecidedError(MembershipError):
    """It may still be decided. Every command can be asked for again: what is so already is not done twice."""
