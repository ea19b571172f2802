"""The handlers' code, as far as it is in the template's directory: read, never run.

Python is judged by its syntax tree, JavaScript and TypeScript by a few plain patterns.
"""

from terrella.check.code.files import PYTHON, SCRIPT, SourceFile
from terrella.check.code.functions import FunctionCode, files_of, functions, routes_of_path
from terrella.check.code.python_regions import pinned_in_python
from terrella.check.code.python_state import kept_files, kept_state
from terrella.check.code.python_uses import used_by
from terrella.check.code.scripts import kept_in_script, pinned_in_script

__all__ = [
    "PYTHON",
    "SCRIPT",
    "FunctionCode",
    "SourceFile",
    "files_of",
    "functions",
    "kept_files",
    "kept_in_script",
    "kept_state",
    "pinned_in_python",
    "pinned_in_script",
    "routes_of_path",
    "used_by",
]
