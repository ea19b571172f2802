"""Clients against a real name server and real HTTP servers: distance, TTL, failover, the open loop."""

import asyncio
import time
from dataclasses import replace

import pytest
from tests.unit.gameday.load.miniature import ADDRESSES, NAME, miniature, until

from terrella.gameday.load import (
    CITIES,
    LoadPlan,
    ResolverPlan,
    RetryPlan,
    Sample,
    check_writes,
    describe_request,
)
from terrella.gameday.load.names import NameServers, Resolver
from terrella.testing import ManualClock

ITEMS = {
    "create": describe_request(
        "create",
        {
            "method": "POST",
            "path": "/items",
            "body": {"id": "{id}", "message": "number {n} from {vantage_point}"},
            "writes": "{id}",
            "read_back": "GET /items/{id}",
        },
    ),
    "get": describe_request("get", {"path": "/items/{id}", "shows": "number {n} from"}),
}
NEW_YORK = CITIES["new-york"]
RATE_PER_S = 40.0
AT_ONCE = ResolverPlan(look_up_s=0.0, aged=False, patience_s=60.0)


def plan(**changes: object) -> LoadPlan:
    base = LoadPlan(
        rate_per_s=RATE_PER_S,
        mix={"create": 1, "get": 1},
        vantage_points=(CITIES["frankfurt"],),
        requests=ITEMS,
        resolver=AT_ONCE,
        timeout_s=60.0,
        duration_s=0.5,
        clients=3,
        arrivals="even",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


async def test_clients_of_an_application_without_a_name_ask_the_region_nearest_to_them() -> None:
    async with miniature() as world:
        world.addresses = replace(world.addresses, name="")
        generator, samples = world.generator(plan(vantage_points=(CITIES["frankfurt"], CITIES["chicago"])))
        await world.play(generator)
        check = await check_writes(generator.writes, world.addresses)
    asked = {(sample.vantage_point, sample.region) for sample in samples}
    assert asked == {("frankfurt", "eu-west-1"), ("chicago", "us-east-1")}
    assert all(sample.ok for sample in samples)
    assert check.acknowledged
    assert not check.lost
    assert not check.unread


async def test_the_distance_is_felt_and_kept_connections_spare_a_round_trip() -> None:
    """From Tokyo every request takes a round trip to the region that serves it, the first of a connection two."""
    async with miniature() as world:
        generator, samples = world.generator(plan(vantage_points=(CITIES["tokyo"],), clients=1, rate_per_s=40.0))
        await world.play(generator)
    assert samples
    assert all(sample.ok and sample.attempts == 1 for sample in samples), samples
    one_way_s = {region: CITIES["tokyo"].delay_to(region) for region in ADDRESSES}
    for sample in samples:
        assert sample.latency_s >= 2 * one_way_s[sample.region] - 0.002
    first = min(samples, key=lambda sample: sample.intended_s)
    assert first.latency_s >= 4 * one_way_s[first.region] - 0.004


async def test_what_was_acknowledged_is_read_and_read_back() -> None:
    """Reads are of earlier writes; what a region does not show in the end is lost."""
    async with miniature() as world:
        generator, samples = world.generator(plan(duration_s=None))
        running = asyncio.create_task(world.play(generator))
        await until(lambda: sum(sample.kind == "get" for sample in samples) >= 10)
        generator.stop()
        await running
        assert {sample.stale for sample in samples if sample.kind == "get"} == {False}
        assert len(samples) == generator.sent
        written = {sample.writes for sample in samples if sample.kind == "create"}
        assert written == set(world.items) == set(generator.writes.acknowledged)

        check = await check_writes(generator.writes, world.addresses)
        assert check.acknowledged == len(world.items)
        assert (check.lost_writes, check.duplicated_writes, check.unread, check.doubtful) == (0, 0, [], 0)
        gone = next(iter(world.items))
        world.forgets["eu-west-1"] = {gone}
        check = await check_writes(generator.writes, world.addresses)
        assert [(lost.write.token, lost.region, lost.status) for lost in check.lost] == [(gone, "eu-west-1", 404)]


async def test_a_read_that_lacks_what_was_acknowledged_is_stale() -> None:
    """A region that has not got a write yet answers, and is available; that the answer is stale stands beside it."""
    async with miniature() as world:
        world.forgets_everything = True
        generator, samples = world.generator(plan(duration_s=None))
        running = asyncio.create_task(world.play(generator))
        await until(lambda: sum(sample.stale is True for sample in samples) >= 5)
        generator.stop()
        await running
    reads = [sample for sample in samples if sample.kind == "get"]
    assert all(sample.stale and sample.ok and sample.status == 404 for sample in reads)


async def test_an_answer_is_kept_for_its_ttl() -> None:
    """Honoured, fixed, and ignored; the first answer may have been in the resolver's cache for a while."""
    async with miniature() as world:
        clock = ManualClock()
        servers = NameServers(world.addresses.name_servers)
        resolvers = {
            "honour": Resolver(servers, NEW_YORK.subnet, lambda: AT_ONCE, clock, lambda: 0.5),
            "30s": Resolver(servers, NEW_YORK.subnet, lambda: replace(AT_ONCE, ttl=30.0), clock, lambda: 0.5),
            "ignore": Resolver(servers, NEW_YORK.subnet, lambda: replace(AT_ONCE, ttl="ignore"), clock, lambda: 0.5),
            "aged": Resolver(servers, NEW_YORK.subnet, lambda: replace(AT_ONCE, aged=True), clock, lambda: 0.75),
        }

        async def addresses() -> dict[str, str]:
            return {name: await resolver.address(NAME) for name, resolver in resolvers.items()}

        us, eu = ADDRESSES["us-east-1"], ADDRESSES["eu-west-1"]
        assert await addresses() == dict.fromkeys(resolvers, us)
        world.unhealthy.add("us-east-1")
        world.resolver.invalidate()
        clock.advance(14.9)
        assert await addresses() == dict.fromkeys(resolvers, us)
        clock.advance(0.2)
        assert await addresses() == {"honour": us, "30s": us, "ignore": us, "aged": eu}
        clock.advance(15.0)
        assert await addresses() == {"honour": us, "30s": eu, "ignore": us, "aged": eu}
        clock.advance(30.0)
        assert await addresses() == {"honour": eu, "30s": eu, "ignore": us, "aged": eu}
        servers.close()


async def test_clients_of_a_dead_region_move_on_when_dns_does() -> None:
    """With resolvers that ignore the TTL they fail for good; with others they are served again, elsewhere."""
    async with miniature() as world:
        generator, samples = world.generator(
            plan(
                resolver=replace(AT_ONCE, ttl="ignore"),
                duration_s=None,
                vantage_points=(NEW_YORK,),
                retries=RetryPlan(retries=0),
                clients=1,
            )
        )
        running = asyncio.create_task(world.play(generator))
        await until(lambda: sum(sample.region == "us-east-1" for sample in samples) >= 10)
        await world.kill("us-east-1")
        died_s = generator.now_s
        await until(lambda: sum(sample.intended_s > died_s for sample in samples) >= 20)
        moved_on_s = generator.now_s
        generator.set_resolver(replace(AT_ONCE, ttl=0.2))
        await until(lambda: sum(sample.intended_s > moved_on_s + 0.3 for sample in samples) >= 20)
        generator.stop()
        await running
    between = [sample for sample in samples if died_s < sample.intended_s and sample.ended_s < moved_on_s]
    assert all(not sample.ok and sample.region == "us-east-1" and sample.error for sample in between), between
    late = [sample for sample in samples if sample.intended_s > moved_on_s]
    assert all(sample.ok and sample.region == "eu-west-1" for sample in late), late


async def test_retries_reach_another_region() -> None:
    """With a TTL of nothing and retries, a region's death costs nobody a request."""
    async with miniature() as world:
        generator, samples = world.generator(
            plan(resolver=replace(AT_ONCE, ttl=0.0), duration_s=None, vantage_points=(NEW_YORK,))
        )
        running = asyncio.create_task(world.play(generator))
        await until(lambda: len(samples) >= 5)
        await world.kill("us-east-1")
        died_s = generator.now_s
        await until(lambda: sum(sample.intended_s > died_s for sample in samples) >= 20)
        generator.stop()
        await running
    assert all(sample.ok for sample in samples), [sample for sample in samples if not sample.ok][:3]
    assert {sample.region for sample in samples if sample.intended_s > died_s} == {"eu-west-1"}


async def test_requests_start_when_they_are_due_whatever_became_of_earlier_ones() -> None:
    """Answers that are held up hold no request up, and each one's latency counts from when it was due."""
    async with miniature() as world:
        world.gate.clear()
        generator, samples = world.generator(plan(duration_s=0.4, mix={"create": 1}))
        running = asyncio.create_task(world.play(generator))
        await until(lambda: generator.sent >= 15 and world.waiting >= 15)
        opened_s = generator.now_s
        assert samples == []
        world.gate.set()
        await running
    due = sorted(sample.intended_s for sample in samples)
    assert due == pytest.approx([number / RATE_PER_S for number in range(1, generator.sent + 1)])
    assert all(sample.ok and sample.ended_s >= opened_s for sample in samples)


async def test_a_generator_that_is_late_itself_says_so_and_hides_nothing() -> None:
    """What was due while the machine did something else counts as long as it was kept waiting."""
    async with miniature() as world:
        generator, samples = world.generator(plan(duration_s=None, mix={"create": 1}))
        running = asyncio.create_task(world.play(generator))
        await until(lambda: bool(samples))
        from_s = generator.now_s
        time.sleep(0.3)  # noqa: ASYNC251 - the whole process stands still, as on a machine that is too busy
        until_s = generator.now_s
        await until(lambda: generator.sent > until_s * RATE_PER_S)
        generator.stop()
        await running
    assert generator.lag_behind_s > 0.2
    held = [sample for sample in samples if from_s < sample.intended_s < until_s]
    assert len(held) >= 11
    assert all(sample.ended_s >= until_s for sample in held)


async def test_clients_are_served_from_near_by_and_a_path_is_cut_and_healed() -> None:
    """By latency each goes to the region near to it; one cut off from its region waits in vain, the other does not."""
    async with miniature() as world:
        generator, samples = world.generator(
            plan(
                vantage_points=(CITIES["london"], NEW_YORK),
                duration_s=None,
                timeout_s=2.0,
                mix={"create": 1},
                retries=RetryPlan(retries=0),
            )
        )
        running = asyncio.create_task(world.play(generator))
        await until(lambda: len(samples) >= 20)
        generator.paths["london"].cut("eu-west-1")
        cut_s = generator.now_s
        await until(lambda: any(sample.error for sample in samples))
        healed_s = generator.now_s
        generator.paths["london"].heal("eu-west-1")
        after = healed_s + 0.05
        await until(lambda: any(sample.ok and sample.intended_s > after for sample in samples if at_london(sample)))
        generator.stop()
        await running
    assert {(sample.vantage_point, sample.region) for sample in samples} == {
        ("london", "eu-west-1"),
        ("new-york", "us-east-1"),
    }
    failed = [sample for sample in samples if not sample.ok and at_london(sample)]
    assert {sample.error for sample in failed} == {"no answer within 2 s"}
    assert all(sample.ended_s > cut_s for sample in failed)
    others = [sample for sample in samples if not at_london(sample) and cut_s < sample.intended_s < healed_s]
    assert any(sample.ok for sample in others)


def at_london(sample: Sample) -> bool:
    return sample.vantage_point == "london"
