"""A partition, told line by line; the text that a reviewer reads is ``partition.txt`` beside this file."""

from contextlib import closing
from pathlib import Path

from terrella.testing.simulation import Plan, World

EAST, WEST, IRELAND = "us-east-1", "us-west-2", "eu-west-1"
QUIET = Plan(regions=(IRELAND, EAST, WEST), skew_ms=5)
ITEM = b"item"


class Story:
    """A world that writes down what is done to it and what each region then holds."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.world = World(1, QUIET)
        self.world.start()
        self.table = next(iter(self.world.data_sets))
        self.world.wait(2)

    def note(self, who: str, what: str) -> None:
        self.lines.append(f"{who:<10} {what}".rstrip())

    def put(self, region: str, value: str | None) -> None:
        self.note(region, "deletes item" if value is None else f'puts item = "{value}"')
        self.world.write(region, ITEM, value.encode() if value is not None else None)

    def show(self) -> None:
        for name in (EAST, WEST, IRELAND):
            region = self.world.regions[name]
            stored = region.stored(self.table, ITEM)
            value = "nothing" if stored is None or stored.value is None else f'"{stored.value.decode()}"'
            self.note("", f"{name} holds {value}")

    def conflicts(self) -> None:
        logs = {name: region.conflicts(self.table) for name, region in self.world.regions.items()}
        same = len({tuple(map(repr, log)) for log in logs.values()}) == 1
        self.note("conflicts", "the same log in all regions:" if same else "logs differ")
        for conflict in logs[EAST]:
            sides = []
            for verb, version in (("lost", conflict.loser), ("won", conflict.winner)):
                value = "a delete" if version.value is None else f'"{version.value.decode()}"'
                sides.append(f"{value} by {version.dot.region} {verb}")
            self.note("", f"{conflict.key.decode()}: {', '.join(sides)}")


def test_partition() -> None:
    """Both sides of a cut write; the link heals; all agree, and the loser is in every log with both writers."""
    story = Story()
    with closing(story.world):
        told = tell(story)
    assert told == Path(__file__).with_name("partition.txt").read_text(), f"what is told now:\n\n{told}"


def tell(story: Story) -> str:
    world = story.world
    story.put(EAST, "before")
    story.show()
    world.settle()
    story.note("time", "passes")
    story.show()
    story.note("links", f"{EAST} | {IRELAND} and {WEST} | {IRELAND} are cut")
    world.cut(EAST, IRELAND)
    world.cut(WEST, IRELAND)
    story.put(EAST, "from the east")
    world.wait(1)
    story.put(IRELAND, "from Ireland")
    world.wait(1)
    story.show()
    story.note("links", "heal")
    world.mend(EAST, IRELAND)
    world.mend(WEST, IRELAND)
    world.settle()
    story.show()
    story.conflicts()
    story.note("links", f"{EAST} | {IRELAND} is cut, {WEST} sees both")
    world.cut(EAST, IRELAND)
    story.put(EAST, None)
    world.wait(0.01)
    story.put(IRELAND, "kept")
    world.wait(0.01)
    story.show()
    story.note("time", f"passes; {WEST} relays")
    world.wait(5)
    story.show()
    story.note(IRELAND, "crashes and comes back")
    world.crash(IRELAND)
    world.wait(3)
    story.note("links", "heal")
    world.mend(EAST, IRELAND)
    world.settle()
    story.show()
    story.conflicts()
    return "\n".join(story.lines) + "\n"
