"""A seed's story: clients at the members, and what happens to the members and links meanwhile."""

from collections.abc import Callable
from functools import partial

from terrella.journal import raft
from terrella.testing.consensus.clients import Clients
from terrella.testing.consensus.climate import CLIMATES, Climate
from terrella.testing.consensus.group import Group
from terrella.testing.consensus.member import Member
from terrella.testing.simulation.schedule import Schedule

TROUBLE_S = 6.0
HEALING_S = 8.0


def simulate(seed: int, tell: Callable[[str], None] = lambda _line: None, climate: Climate | None = None) -> "World":
    """Run one seed, in the climate that is its turn unless one is named; raises ``ConsensusFailure``."""
    world = World(seed, climate or CLIMATES[seed % len(CLIMATES)], tell)
    try:
        world.run()
    except AssertionError as failure:
        failure.add_note(f"seed {seed}")
        raise
    return world


class World:
    """One group, its clients and its troubles."""

    def __init__(self, seed: int, climate: Climate, tell: Callable[[str], None]) -> None:
        self.schedule = Schedule(seed)
        self.random = self.schedule.random
        self.climate = climate
        self.group = Group(self.schedule, self.climate, tell)
        size = self.random.choice(self.climate.sizes)
        ids = tuple(f"m{number}" for number in range(1, size + 1))
        witnesses = ids[-1:] if size == 3 and self.random.random() < 0.4 else ()
        configuration = raft.Configuration(ids, witnesses)
        for id_ in ids:
            member = self.group.add(id_, configuration, witness=id_ in witnesses)
            member.rate = self.random.choice(self.climate.rates)
        self.clients = Clients(self.group)
        self._replaced = False
        self.group.lost_share = self.climate.lost_share
        self.group.repeated_share = self.climate.repeated_share
        self.group.crash_after_write_share = self.climate.crash_after_write_share

    def run(self) -> None:
        """Trouble, healing, judgement."""
        group, schedule = self.group, self.schedule
        self.clients.start(until=TROUBLE_S)
        schedule.after(0.8, self._trouble)
        schedule.run_until(TROUBLE_S)
        self.heal()
        for _ in range(int(HEALING_S / 0.5)):
            schedule.run_until(schedule.now + 0.5)
            if self.settled():
                break
        else:
            group.fail(f"liveness: not settled {HEALING_S:g} s after all was healed")
        self.clients.judge()

    def settled(self) -> bool:
        """Whether the clients' last reads are answered and all members that hold state hold the same."""
        self.clients.last_reads()
        leader = self.group.leader
        if leader is None or leader.witness or not self.clients.last_reads_answered:
            return False
        members = leader.node.configuration.serving
        return all(self.group.members[member].machine == leader.machine for member in members)

    def heal(self) -> None:
        """Everything works again from now on."""
        group = self.group
        group.tell("all is healed")
        group.cut.clear()
        group.lost_share = group.repeated_share = group.crash_after_write_share = 0.0
        group.slowness = 1.0
        for member in group.members.values():
            member.resume(lambda: None)
            if not member.up and not member.lost:
                member.boot()

    # troubles

    def _trouble(self) -> None:
        if self.schedule.now < TROUBLE_S:
            fault: Callable[[], None] = getattr(self, self.random.choice(self.climate.faults))
            fault()
            self.schedule.after(self.climate.fault_every_s * 2 * self.random.random(), self._trouble)

    def crash(self) -> None:
        """One member is gone for a while."""
        if self.group.up:
            self._crash(self.random.choice(self.group.up))

    def crash_all(self) -> None:
        """All are gone, each for a while."""
        for member in self.group.up:
            self._crash(member)

    def crash_leader(self) -> None:
        """Whoever leads is gone for a while."""
        if self.group.leader is not None:
            self._crash(self.group.leader)

    def _crash(self, member: Member) -> None:
        member.crash()
        self.schedule.after(0.1 + 1.2 * self.random.random(), partial(self._reboot, member))

    def _reboot(self, member: Member) -> None:
        if not member.up and not member.lost:
            self.group.tell(f"{member.id} is back")
            member.boot()

    def pause(self) -> None:
        """One member stands still for a while, and does not know it; clients read there as soon as it goes on."""
        self._pause(self._one())

    def pause_leader(self) -> None:
        """Whoever leads stands still."""
        if self.group.leader is not None:
            self._pause(self.group.leader)

    def _pause(self, member: Member) -> None:
        member.pause()
        self.schedule.after(
            0.2 + 1.5 * self.random.random(), lambda: member.resume(lambda: self.clients.read_all_at(member))
        )

    def isolate_leader(self) -> None:
        """Whoever leads reaches one other, or none."""
        leader = self.group.leader
        if leader is not None:
            others = [other for other in self.group.members if other != leader.id]
            self.random.shuffle(others)
            del others[: self.random.randint(0, 1)]
            self._cut({(leader.id, other) for other in others} | {(other, leader.id) for other in others})

    def cut_off(self) -> None:
        """One member neither hears nor is heard; the leader as often as not."""
        leader = self.group.leader
        member = leader if leader is not None and self.random.random() < 0.5 else self._one()
        others = [other for other in self.group.members if other != member.id]
        self._cut({(member.id, other) for other in others} | {(other, member.id) for other in others})

    def cut_one_way(self) -> None:
        """One member hears all and is heard by none, or the reverse; or one direction between two is silent."""
        member = self._one()
        others = [other for other in self.group.members if other != member.id]
        if self.random.random() < 0.4:
            others = [self.random.choice(others)]
        if self.random.random() < 0.5:
            self._cut({(member.id, other) for other in others})
        else:
            self._cut({(other, member.id) for other in others})

    def split(self) -> None:
        """Two sides."""
        ids = list(self.group.members)
        self.random.shuffle(ids)
        side = ids[: self.random.randint(1, len(ids) - 1)]
        rest = [other for other in ids if other not in side]
        self._cut({pair for one in side for other in rest for pair in ((one, other), (other, one))})

    def _cut(self, directions: set[tuple[str, str]]) -> None:
        self.group.tell("cut " + " ".join(f"{one}>{other}" for one, other in sorted(directions)))
        self.group.cut |= directions
        self.schedule.after(0.3 + 1.5 * self.random.random(), lambda: self.group.cut.difference_update(directions))

    def weather(self) -> None:
        """Messages are lost, repeated, late; members crash just after a write."""
        group = self.group
        group.lost_share = self.random.choice((0.0, 0.05, 0.2))
        group.repeated_share = self.random.choice((0.0, 0.1, 0.3))
        group.slowness = self.random.choice((1.0, 1.0, 3.0, 8.0))
        group.crash_after_write_share = self.random.choice((0.0, 0.0, 0.02))

    def compact(self) -> None:
        """Logs are cut short; a witness keeps what someone with state still lacks."""
        for member in self.group.up:
            node = member.node
            node.compact(min(node.applied, node.floor) if member.witness else node.applied - self.random.randint(0, 3))
            member.pump()

    def transfer(self) -> None:
        """The leader hands over."""
        leader = self.group.leader
        if leader is not None:
            leader.node.transfer(self.random.choice(leader.node.configuration.voters), self.schedule.now)
            leader.pump()

    def lose_disk(self) -> None:
        """One member's disk is gone for ever; one with a new id takes its place, after a learner's time."""
        group = self.group
        if self._replaced or len(group.up) < len(group.members):
            return
        lost = self._one()
        lost.crash()
        lost.lost = True
        self._replaced = True
        successor = f"{lost.id}b"
        group.tell(f"{lost.id} has lost its disk; {successor} takes its place")
        group.add(successor, raft.Configuration(()), lost.witness)
        self._replace(lost.id, successor)

    def _replace(self, lost: str, successor: str) -> None:
        """What an operator's loop does: one change after the other, whenever a leader takes it."""
        leader = self.group.leader
        if leader is not None:
            configuration = leader.node.configuration
            change = None
            if successor not in configuration.everyone:
                kind = raft.ChangeKind.ADD_WITNESS if lost in configuration.witnesses else raft.ChangeKind.ADD_LEARNER
                change = raft.Change(kind, successor)
            elif lost in configuration.everyone:
                if leader.node.progress[successor].match >= leader.node.commit:
                    change = raft.Change(raft.ChangeKind.REMOVE, lost)
            elif successor in configuration.learners:
                change = raft.Change(raft.ChangeKind.PROMOTE, successor)
            elif leader.node.log.configuration_index <= leader.node.commit:
                self.group.members.pop(lost, None)
                return
            if change is not None:
                self._change(leader, change)
        self.schedule.after(0.2, lambda: self._replace(lost, successor))

    def _change(self, leader: Member, change: raft.Change) -> None:
        try:
            leader.node.change(change, self.schedule.now)
        except raft.ChangeRefusedError:
            return
        self.group.tell(f"{leader.id} changes: {change.kind} {change.member}")
        leader.pump()

    def _one(self) -> Member:
        return self.random.choice(list(self.group.members.values()))
