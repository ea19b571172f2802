"""SAM to CloudFormation, as a process: ``python -m terrella.stack.translator`` reads a job, writes its outcome.

A process of its own because the translator costs 0.4 s and 50 MB to import and is needed only when a template has
changed: a region that runs for days should not carry it. It makes no call to AWS: nothing in a job needs one
(applications from the repository are set aside before), and managed policies are taken as they are named.
"""

import sys
from typing import Any

import msgspec
from boto3 import Session  # type: ignore[import-untyped]  # boto3 has no stubs here; only its region is used
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.utils.py27hash_fix import to_py27_compatible_template, undo_mark_unicode_str_in_template

from terrella.stack.translation_job import Job, Outcome


class _Watched(dict[str, Any]):
    """Parameter values that remember which of them were read: the translation depends on those only."""

    read: set[str]

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.read = set()

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Watched":
        return self  # the translator copies its parameters; what it reads of the copy must be seen here

    def __getitem__(self, key: str) -> Any:
        self.read.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        """As ``dict.get``, and remembered."""
        self.read.add(key)
        return super().get(key, default)


def translate(job: Job) -> Outcome:
    """Run the translator on one template with one set of parameter values."""
    parameters = _Watched(job.parameters)
    session = Session(region_name=job.parameters["AWS::Region"])
    try:
        to_py27_compatible_template(job.template, parameters)
        parameters.read.clear()
        document = Translator(None, Parser(), boto_session=session).translate(
            job.template, parameters, get_managed_policy_map=dict
        )
    except InvalidDocumentException as error:
        causes = [(getattr(cause, "_logical_id", ""), cause.message) for cause in error.causes]
        return Outcome(errors=causes or [("", error.message)])
    inputs = {name: job.parameters.get(name) for name in sorted(parameters.read)}
    return Outcome(document=undo_mark_unicode_str_in_template(document), inputs=inputs)


def main() -> None:
    """Read a job from standard input and write its outcome to standard output."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    sys.stdout.buffer.write(msgspec.json.encode(translate(job)))


if __name__ == "__main__":
    main()
