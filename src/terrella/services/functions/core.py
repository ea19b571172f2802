"""The functions of one region: kept in the journal, run in pools, logged."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from terrella.journal import DataSet, Lane, Transaction, data_set_id
from terrella.kernel import Arn, AwsError, Clock, Ids, TerrellaError
from terrella.services.functions.code import CodeStore
from terrella.services.functions.configuration import (
    Configuration,
    StoredFunction,
    declare,
    needs_new_workers,
    override,
)
from terrella.services.functions.environment import Surroundings, any_secret
from terrella.services.functions.events import EventQueue
from terrella.services.functions.invocation import UNHANDLED, Invocation, InvocationResult, error_payload
from terrella.services.functions.limits import PAYLOAD_MAX_BYTES, Limits
from terrella.services.functions.logs import FunctionLog, LogLine
from terrella.services.functions.pool import Counters, Pools
from terrella.services.functions.ports import ConfigurationJournal, Interference, Sabotage
from terrella.services.functions.runtimes import find_runtime
from terrella.services.functions.sandbox import Sandbox, SandboxSetting, State
from terrella.services.functions.scheduling import ColdStarts
from terrella.services.functions.spec import INLINE_FILE, FunctionSpec
from terrella.services.functions.status import AzStatus, FunctionStatus

_REFERENCE = re.compile(
    r"(?:arn:aws[a-z-]*:lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):function:|(?:(\d{12}):)?function:)?"
    r"(?P<name>[A-Za-z0-9_-]{1,64})(?::(?P<qualifier>\$LATEST|[A-Za-z0-9_-]+))?"
)
_FUNCTIONS_MAX = 100_000

Judge = Callable[[StoredFunction | None], StoredFunction | None]


@dataclass(slots=True, eq=False)
class Function:
    """A function as this region runs it."""

    stored: StoredFunction
    pools: Pools
    counters: Counters

    @property
    def configuration(self) -> Configuration:
        """What it is now."""
        return self.stored.effective


class FunctionCore:
    """Everything but the wire. ``azs`` names the availability zones; ``endpoint_url`` is the region's own.

    ``secret_of`` has the secret that a worker is given with its access key id.
    """

    def __init__(
        self,
        region: str,
        account: str,
        azs: Sequence[str],
        endpoint_url: str,
        journal: ConfigurationJournal,
        state_directory: Path,
        clock: Clock,
        ids: Ids,
        limits: Limits | None = None,
        secret_of: Callable[[str], str] = any_secret,
    ) -> None:
        self.region = region
        self.account = account
        self.clock = clock
        self.ids = ids
        self.code = CodeStore(state_directory, ids)
        self._azs = tuple(azs)
        self._surroundings = Surroundings(region, account, endpoint_url, secret_of)
        self._journal = journal
        self._limits = limits or Limits()
        self._cold_starts = ColdStarts(max(1, int(self._limits.starts_per_core * (os.cpu_count() or 1))))
        self._scratch_root = state_directory / "tmp" / region
        self._logs_root = state_directory / "logs" / region
        self._data_set = DataSet(data_set_id("", region, "functions", 1), "functions", Lane.LOCAL, (region,))
        self._functions: dict[str, Function] = {}
        self._logs: dict[str, FunctionLog] = {}
        self._retired: set[Pools] = set()
        self._down: set[str] = set()
        self.frozen_azs: set[str] = set()
        self.interference: Interference | None = None
        self.sabotage: Sabotage | None = None
        self._changing = asyncio.Lock()
        self.events = EventQueue(self._limits, clock, self._tell)

    async def start(self) -> None:
        """Load what the journal holds. Workers start when they are needed."""
        # An earlier process of this region may have been killed beside its workers' files.
        await asyncio.to_thread(shutil.rmtree, self._scratch_root, ignore_errors=True)
        await self._journal.declare(self._data_set)
        for entry in self._journal.scan(self._data_set.id, limit=_FUNCTIONS_MAX):
            assert entry.version.value is not None
            self._put(StoredFunction.decode(entry.version.value))

    async def close(self) -> None:
        """End every worker. Invocations under way fail; events not done are given up."""
        await self.events.close()
        for pools in self._all_pools():
            await pools.close()
        for log in self._logs.values():
            log.close()

    # configuration

    async def ensure_function(self, spec: FunctionSpec) -> None:
        """Make a function what its template says, as far as the template changed; live for the next invocation.

        Raises ``TerrellaError`` if the code cannot be read.
        """
        if spec.inline_code is not None:
            code = await asyncio.to_thread(self.code.take_text, INLINE_FILE, spec.inline_code)
        else:
            assert spec.code_directory is not None
            code = await asyncio.to_thread(self.code.take_directory, spec.code_directory)
        declared = Configuration(
            name=spec.name,
            handler=spec.handler,
            runtime=spec.runtime,
            code=code,
            environment=dict(spec.environment),
            timeout_s=spec.timeout_s,
            memory_mb=spec.memory_mb,
            description=spec.description,
            reserved_concurrency=spec.reserved_concurrency,
            role=spec.role,
            architectures=tuple(spec.architectures),
            tags=dict(spec.tags),
            logical_id=spec.logical_id,
            stack_name=spec.stack_name,
        )
        now_ms, revision_id = self.clock.now_ms(), self.ids.uuid()
        await self._change(spec.name, lambda stored: declare(stored, declared, now_ms, revision_id))

    async def remove_function(self, name: str) -> None:
        """Remove a function; invocations under way finish. Removing an absent one is no error."""
        await self._change(name, lambda stored: None)

    async def create(self, configuration: Configuration) -> StoredFunction:
        """A function of the API's own; raises ``AwsError`` ResourceConflictException."""

        def judge(stored: StoredFunction | None) -> StoredFunction:
            if stored is not None:
                raise AwsError("ResourceConflictException", f"Function already exist: {configuration.name}", 409)
            return StoredFunction(configuration, None, self.clock.now_ms(), self.ids.uuid())

        return self._given(await self._change(configuration.name, judge))

    async def override(
        self, name: str, changes: Mapping[str, object], revision_id: str | None = None
    ) -> StoredFunction:
        """Change configuration through the API; raises ``AwsError`` ResourceNotFound or PreconditionFailed."""

        def judge(stored: StoredFunction | None) -> StoredFunction:
            if stored is None:
                raise self._not_found(name)
            if revision_id is not None and revision_id != stored.revision_id:
                raise AwsError(
                    "PreconditionFailedException",
                    "The Revision Id provided does not match the latest Revision Id. "
                    "Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
                    412,
                )
            return override(stored, dict(changes), self.clock.now_ms(), self.ids.uuid())

        return self._given(await self._change(name, judge))

    def _given(self, stored: StoredFunction | None) -> StoredFunction:
        assert stored is not None
        return stored

    async def _change(self, name: str, judge: Judge) -> StoredFunction | None:
        """Make a change durable, then live, in this order."""
        key = name.encode()

        def write(transaction: Transaction) -> StoredFunction | None:
            version = transaction.get(self._data_set.id, key)
            stored = None if version is None or version.value is None else StoredFunction.decode(version.value)
            judged = judge(stored)
            if judged is None:
                transaction.delete(self._data_set.id, key)
            elif judged is not stored:
                transaction.put(self._data_set.id, key, judged.encode())
            return judged

        async with self._changing:
            stored = await self._journal.write(write)
            if stored is not None:
                self._put(stored)
            elif name in self._functions:
                function = self._functions.pop(name)
                for invocation in self._retire(function.pools):
                    if not invocation.future.done():
                        invocation.future.set_exception(self._not_found(name))
        return stored

    def _put(self, stored: StoredFunction) -> None:
        configuration = stored.effective
        function = self._functions.get(configuration.name)
        if function is None:
            counters = Counters({})
            pools = self._make_pools(configuration, counters)
            self._functions[configuration.name] = Function(stored, pools, counters)
            return
        before, function.stored = function.configuration, stored
        if needs_new_workers(before, configuration):
            old, function.pools = function.pools, self._make_pools(configuration, function.counters)
            for invocation in self._retire(old):
                function.pools.submit(invocation)
        elif before.reserved_concurrency != configuration.reserved_concurrency:
            function.pools.reserved = configuration.reserved_concurrency
            function.pools.look_again()

    def _make_pools(self, configuration: Configuration, counters: Counters) -> Pools:
        setting = SandboxSetting(
            configuration=configuration,
            runtime=find_runtime(configuration.runtime, f"the function {configuration.name}"),
            surroundings=self._surroundings,
            task_root=self.code.path(configuration.code).absolute(),
            scratch_root=self._scratch_root.absolute(),
            log=self._log_of(configuration.name),
            clock=self.clock,
            ids=self.ids,
            parent=os.getpid(),
            frozen=self.frozen_azs,
        )
        reserved = configuration.reserved_concurrency
        return Pools(
            setting,
            self._azs,
            self._down,
            reserved,
            self._limits,
            counters,
            self._cold_starts,
            self._retired.discard,
        )

    def _retire(self, pools: Pools) -> list[Invocation]:
        self._retired.add(pools)
        return pools.retire()

    # finding

    @property
    def functions(self) -> dict[str, Function]:
        """By name."""
        return self._functions

    def find(self, reference: str, qualifier: str | None = None) -> Function:
        """By name, partial or full ARN, with ``$LATEST`` or no qualifier; raises ``AwsError`` if there is none such."""
        function = self._functions.get(reference)
        if function is not None and qualifier in (None, "$LATEST"):
            return function
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            raise AwsError("InvalidParameterValueException", f"{reference!r} is no name or ARN of a function")
        if (match["region"] or self.region) != self.region:
            raise AwsError(
                "ResourceNotFoundException",
                f"Functions from '{match['region']}' are not reachable in this region ('{self.region}')",
                404,
            )
        qualifier = qualifier or match["qualifier"]
        function = self._functions.get(match["name"])
        if function is None or qualifier not in (None, "$LATEST") or (match["account"] or self.account) != self.account:
            raise self._not_found(match["name"], qualifier)
        return function

    def called(self, reference: str) -> tuple[str, ...]:
        """What a function that is named in a call is called: its name and its logical id; nothing if it is not here."""
        match = _REFERENCE.fullmatch(reference)
        function = self._functions.get(match["name"]) if match is not None else None
        if function is None:
            return ()
        return function.configuration.name, function.configuration.logical_id

    def arn(self, name: str) -> str:
        """A function's ARN in this region."""
        return str(Arn("lambda", self.region, self.account, f"function:{name}"))

    def _not_found(self, name: str, qualifier: str | None = None) -> AwsError:
        suffix = f":{qualifier}" if qualifier else ""
        return AwsError("ResourceNotFoundException", f"Function not found: {self.arn(name)}{suffix}", 404)

    def code_sha256(self, name: str) -> str:
        """The ``CodeSha256`` that a function runs: base64."""
        return self.find(name).configuration.code.aws_sha256

    # running

    async def invoke(
        self,
        name_or_arn: str,
        payload: bytes,
        /,
        *,
        qualifier: str | None = None,
        trace_id: str = "",
        client_context: str = "",
        wants_log_tail: bool = False,
        request_id: str | None = None,
    ) -> InvocationResult:
        """Invoke and wait for the answer.

        ``payload`` is JSON (empty: an empty object); ``client_context`` JSON, too. Raises ``AwsError``
        ResourceNotFoundException, TooManyRequestsException, RequestTooLargeException, ServiceException. A function that
        fails raises nothing: see ``InvocationResult.function_error``.
        """
        function = self.find(name_or_arn, qualifier)
        if len(payload) > PAYLOAD_MAX_BYTES:
            limit = f"Request must be smaller than {PAYLOAD_MAX_BYTES} bytes for the InvokeFunction operation"
            raise AwsError("RequestTooLargeException", limit, 413)
        if self.sabotage is not None and (raised := self.sabotage(function.configuration)) is not None:
            return self._sabotaged(function, request_id or self.ids.uuid(), *raised)
        invocation = Invocation(
            request_id=request_id or self.ids.uuid(),
            payload=payload or b"{}",
            arn=self.arn(function.configuration.name),
            trace_id=trace_id or self._new_trace_id(),
            future=asyncio.get_running_loop().create_future(),
            client_context=client_context,
            wants_log_tail=wants_log_tail,
        )
        function.pools.submit(invocation)
        return await invocation.future

    def _sabotaged(self, function: Function, request_id: str, error_type: str, message: str) -> InvocationResult:
        """As if the handler had raised at once."""
        name, az = (
            function.configuration.name,
            next((each for each in self._azs if each not in self._down), self._azs[0]),
        )
        self._log_of(name).append(az, request_id, f"[ERROR] {error_type}: {message}")
        counters = function.counters.by_az[az]
        counters.invocations += 1
        counters.errors += 1
        payload = error_payload(error_type, message, requestId=request_id, stackTrace=[])
        return InvocationResult(200, payload, UNHANDLED, request_id, None, az)

    def _new_trace_id(self) -> str:
        token = self.ids.token(32)
        return f"Root=1-{self.clock.now_ms() // 1000:08x}-{token[:24]};Parent={token[16:32]};Sampled=0"

    # availability zones

    def kill_workers(self, az: str) -> int:
        """SIGKILL the workers of an AZ: what they were doing fails, what comes next starts anew. Answers how many."""
        self._check_az(az)
        return sum(pools.kill(az) for pools in self._all_pools())

    def hold_az_down(self, az: str) -> int:
        """Kill an AZ's workers and start none there until it is restored. Answers how many were killed."""
        self._check_az(az)
        self._down.add(az)
        killed = self.kill_workers(az)
        self._look_again()
        return killed

    def restore_az(self, az: str) -> None:
        """Let an AZ serve again."""
        self._check_az(az)
        self._down.discard(az)
        self._look_again()

    def freeze_az(self, az: str) -> int:
        """Stop an AZ's workers where they are, and those that start there later. Answers how many were stopped."""
        self._check_az(az)
        self.frozen_azs.add(az)
        for pools in self._all_pools():
            pools.frozen(az)
        workers = self.workers(az)
        for worker in workers:
            worker.freeze()
        return len(workers)

    def thaw_az(self, az: str) -> None:
        """Let them go on."""
        self._check_az(az)
        self.frozen_azs.discard(az)
        for worker in self.workers(az):
            worker.thaw()

    def workers(self, az: str = "", function: str = "") -> list[Sandbox]:
        """Workers that live: of an AZ and of a function (name or logical id), or of any; those that work first."""
        found = [
            sandbox
            for entry in self._functions.values()
            if function in ("", entry.configuration.name, entry.configuration.logical_id)
            for sandbox in entry.pools.sandboxes(az or None)
            if sandbox.pid is not None and sandbox.state is not State.DEAD
        ]
        return sorted(found, key=lambda sandbox: sandbox.state is not State.BUSY)

    def _all_pools(self) -> list[Pools]:
        """Those of every deployment, also of those that a newer one has taken over from."""
        return [*(function.pools for function in self._functions.values()), *self._retired]

    def _check_az(self, az: str) -> None:
        if az not in self._azs:
            raise TerrellaError(f"{self.region} has no availability zone {az!r}; it has {', '.join(self._azs)}")

    def _look_again(self) -> None:
        for function in self._functions.values():
            function.pools.look_again()

    # looking

    def status(self) -> list[FunctionStatus]:
        """Every function, by name."""
        return [self._status_of(name, self._functions[name]) for name in sorted(self._functions)]

    def _status_of(self, name: str, function: Function) -> FunctionStatus:
        azs = []
        for az in self._azs:
            counters = function.counters.by_az[az]
            workers = function.pools.workers(az)
            azs.append(
                AzStatus(az, az in self._down, *workers, counters.invocations, counters.errors, counters.cold_starts)
            )
        return FunctionStatus(
            name=name,
            logical_id=function.configuration.logical_id,
            code_sha256=function.configuration.code.aws_sha256,
            throttles=function.counters.throttles,
            waiting=function.pools.waiting,
            events_pending=self.events.pending[name],
            events_discarded=self.events.discarded[name],
            azs=tuple(azs),
        )

    async def logs(self, function: str, lines: int = 100, follow: bool = False) -> AsyncIterator[LogLine]:
        """A function's newest log lines, oldest first; ``function`` is its name or its logical id.

        With ``follow`` it goes on with every new line until the region ends. Raises ``TerrellaError`` for an unknown
        function.
        """
        by_logical_id = {entry.configuration.logical_id: name for name, entry in self._functions.items()}
        name = function if function in self._functions else by_logical_id.get(function, function)
        if name not in self._logs:
            known = ", ".join(sorted(self._functions)) or "none"
            raise TerrellaError(f"{self.region} has no function {function!r}; it has {known}")
        log = self._logs[name]
        if follow:
            async for line in log.follow(lines):
                yield line
        else:
            for line in log.tail(lines):
                yield line

    def _log_of(self, name: str) -> FunctionLog:
        if name not in self._logs:
            self._logs[name] = FunctionLog(self._logs_root / f"{name}.log", self.clock)
        return self._logs[name]

    def _tell(self, function: str, request_id: str, message: str) -> None:
        self._log_of(function).append("", request_id, message)
