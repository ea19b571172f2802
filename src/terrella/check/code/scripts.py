"""JavaScript and TypeScript by a few plain patterns: only what can be told without a parser."""

import re
from collections.abc import Iterator

from terrella.check.regions import CODE, INTENDED, pinned

_COMMENT = re.compile(r"/\*.*?\*/|(?<![:'\"`\w])//[^\n]*", re.DOTALL)
_REGION = re.compile(rf"""\bregion\s*:\s*["'`]{CODE}["'`]""")
_CONSTANT = re.compile(rf"""\b(?:const|let|var)\s+(?P<name>\w*region\w*)\s*=\s*["'`]{CODE}["'`]""", re.IGNORECASE)
_DEFAULT = re.compile(rf"""process\.env\.(?P<name>\w+)\s*(?:\|\||\?\?)\s*["'`]{CODE}["'`]""")
_TEXT = re.compile(r"""(["'`])((?:(?!\1)[^\\\n]|\\.)*)\1""")
_GLOBAL_CLIENT = re.compile(
    r"(?:CloudFront|IAM|Route53\w*|Organizations|CostExplorer|Pricing|Budgets|Support|Health|Shield|GlobalAccelerator"
    r"|ECRPUBLIC|ACM)(?:Client)?\s*\(\s*\{[^}]*$"
)
_COUNTER = re.compile(r"^(?:let|var)\s+(\w+)(?:\s*:\s*number)?\s*=\s*\d+\s*;?\s*$", re.MULTILINE)
_COLLECTION = re.compile(
    r"^(?:const|let|var)\s+(\w+)(?:\s*:[^=\n]+)?\s*="
    r"\s*(?:\[\s*\]|\{\s*\}|new (?:Map|Set)(?:<[^>\n]*>)?\(\s*\))\s*;?\s*$",
    re.MULTILINE,
)
_REMEMBERED = re.compile(
    r"cache|memo|client|conn|pool|session|config|setting|secret|param|instance|init|regist|handler|route|header|keys"
    r"|token|template|schema|metric|model",
    re.IGNORECASE,
)
_WRITES = re.compile(
    r"""\bfs\w*\.(?:promises\.)?(?:writeFile|appendFile|writeFileSync|appendFileSync|createWriteStream)\(\s*
        (["'`])(?P<path>[^"'`]+)\1""",
    re.VERBOSE,
)
_ALWAYS_SET = frozenset({"AWS_REGION", "AWS_DEFAULT_REGION"})


def without_comments(text: str) -> str:
    """The same text, each comment blank: lines and columns stay what they were."""
    return _COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def pinned_in_script(text: str, environment: frozenset[str]) -> Iterator[tuple[int, str]]:
    """Line and what stands there; ``environment`` are the variables that the template sets."""
    code = without_comments(text)
    for match in _REGION.finditer(code):
        if not _GLOBAL_CLIENT.search(code[max(0, match.start() - 120) : match.start()]):
            yield _line(code, match), f"{match['region']} is asked, wherever the function runs"
    for match in _CONSTANT.finditer(code):
        if not INTENDED.search(match["name"]):
            yield _line(code, match), f"{match['name']} is {match['region']}, wherever the function runs"
    for match in _DEFAULT.finditer(code):
        name = match["name"]
        if name not in environment | _ALWAYS_SET and not INTENDED.search(name):
            yield (
                _line(code, match),
                f"{name} is not set by the template, so {match['region']} is used in every region",
            )
    for match in _TEXT.finditer(code):
        for found, region in pinned(match[2]):
            yield _line(code, match), f"{found} is in {region} only"


def kept_in_script(text: str) -> Iterator[tuple[int, str]]:
    """Line and what is kept: counters and collections of the module that functions change; files outside /tmp."""
    code = without_comments(text)
    for match in _COUNTER.finditer(code):
        pattern = rf"^[ \t]+.*?\b{match[1]}\s*(?:\+\+|--|\+=|-=)"
        changed = _in_a_function(code, re.compile(pattern, re.MULTILINE))
        if changed and not _is_local(code, match[1]):
            yield _line(code, changed), f"{match[1]}, which is the module's, is counted up"
    for match in _COLLECTION.finditer(code):
        name = match[1]
        pattern = rf"^[ \t]+.*?(?<!\.)\b{name}(?:\.(?:push|unshift|add|set)\(|\[[^\]\n]+\]\s*=[^=])"
        changed = _in_a_function(code, re.compile(pattern, re.MULTILINE))
        if changed and not _REMEMBERED.search(name) and not _is_local(code, name) and not _is_emptied(code, name):
            yield _line(code, changed), f"{name}, which is the module's, is changed"
    for match in _WRITES.finditer(code):
        if not match["path"].startswith(("/tmp", "/mnt/", "/dev/", "$")):  # noqa: S108 - Lambda's scratch directory
            yield _line(code, match), f"{match['path']} is written, where a function may write nowhere but under /tmp"


def _in_a_function(code: str, pattern: re.Pattern[str]) -> re.Match[str] | None:
    """The first match that is not in an ``if`` or loop of the module itself, which runs once."""
    for match in pattern.finditer(code):
        heads = [line for line in code[: match.start()].splitlines() if re.match(r"[^\s)}\]]", line)]
        if heads and re.search(r"\bfunction\b|=>|\bclass\b", heads[-1]):
            return match
    return None


def _is_local(code: str, name: str) -> bool:
    """Whether a function has one of that name, too: then it is not told which is meant."""
    return (
        re.search(rf"^[ \t]+(?:const|let|var)\s+{name}\b|[(,]\s*{name}\s*[,)]\s*(?:=>|\{{)", code, re.MULTILINE)
        is not None
    )


def _is_emptied(code: str, name: str) -> bool:
    """Made anew at each call, or asked first whether it has the answer already."""
    return (
        re.search(
            rf"^[ \t]+{name}\s*=\s*(?:\[\]|\{{\}}|new )|\b{name}\.(?:has|clear|get)\(|\bin {name}\b"
            rf"|\b{name}\.length\s*=\s*0",
            code,
            re.MULTILINE,
        )
        is not None
    )


def _line(code: str, match: re.Match[str]) -> int:
    return code.count("\n", 0, match.start()) + 1
