"""Which of a region's earlier lives its present one follows."""

from collections.abc import Collection

from terrella.journal.state import Stream


def predecessor(earlier: Collection[Stream], drawn_here: Collection[str]) -> Stream | None:
    """The life that a new one follows, of those of its region in the file; None if it is the first.

    It is the last that this file itself began (``drawn_here``): others were pulled back after the disk had been
    exchanged for an old image, and beside them its own went on. If the file began none, its disk was lost: then it is
    one that no other life follows.
    """
    lives = [stream for stream in earlier if stream.applied]
    own = [stream for stream in lives if stream.incarnation in drawn_here]
    followed = {stream.predecessor for stream in lives}
    last = own or [stream for stream in lives if stream.incarnation not in followed] or lives
    return max(last, key=lambda stream: stream.id, default=None)
