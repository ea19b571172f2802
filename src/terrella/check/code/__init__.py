"""The handlers' code, as far as it is in the template's directory: read, never run.

Python is judged by its syntax tree, JavaScript and TypeScript by a few plain patterns.
"""

from terrella.check.code.files import SourceFile
from terrella.check.code.functions import FunctionCode, files_of, functions, routes_of_path

__all__ = ["FunctionCode", "SourceFile", "files_of", "functions", "routes_of_path"]
