"""A POST that makes a second thing when it is repeated."""

import re
from collections.abc import Iterator

from terrella.check.code import FunctionCode, functions
from terrella.check.findings import Rule, Severity
from terrella.check.view import WorldView

_MAKES_IDS = re.compile(
    r"\buuid\.uuid[14]\(|\buuid[14]?\(\)|\brandomUUID\(|\buuidv?[14]\(|\bnanoid\(|\bulid\(|\bshortuuid\.|\bksuid\b|\btoken_hex\("
)
_WRITES = re.compile(
    r"\.put_item\(|\bPutItemCommand\(|\bPutCommand\(|\.put\(\s*\{|\.put\(\w*[pP]arams|\.putItem\(|\bINSERT INTO\b"
)
_REPEATABLE = re.compile(
    r"idempoten|(?<!Key)ConditionExpression|attribute_not_exists|client_?request_?token|If-None-Match|transact_?write"
    r"|ON CONFLICT|dedup",
    re.IGNORECASE,
)


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    for function in functions(view):
        posted = [path for method, path in function.routes if method == "POST"]
        if posted and _repeats(function):
            name = function.declared.logical_id
            line = view.line("Resources", name, "Properties", "Events")
            yield line, f"{name} makes a new id for each POST {posted[0]}: a repeated request writes a second item"


def _repeats(function: FunctionCode) -> bool:
    text = function.text
    writes = _MAKES_IDS.search(text) and _WRITES.search(text)
    return bool(writes) and not _REPEATABLE.search(text)


RULE = Rule(
    id="post-without-idempotency",
    number=9125,
    severity=Severity.WARNING,
    alone=Severity.NOTE,
    explanation="When a region dies under a request, the client cannot know whether it was done and sends it "
    "again, to another region: without a token of the client's there are two of what was ordered "
    "once.",
    fix="Take the id, or an Idempotency-Key, from the client and write on the condition "
    "`attribute_not_exists(id)`; or use Powertools' idempotency.",
    find=_find,
)
