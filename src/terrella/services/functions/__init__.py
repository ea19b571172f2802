"""Lambda: its control API, the Runtime API, and a pool of worker processes for each availability zone.

A region holds one ``Functions``. Handlers run in worker processes of their own (``worker.py``) under ``awslambdaric``;
each worker talks to a Runtime API listener of its own. Configuration is kept in the journal, code in snapshots named
by content.
"""

from terrella.services.functions.configuration import Configuration
from terrella.services.functions.environment import access_key_of_function, function_of_access_key, token_of_access_key
from terrella.services.functions.functions import Functions
from terrella.services.functions.invocation import InvocationResult
from terrella.services.functions.limits import Limits
from terrella.services.functions.logs import LogLine
from terrella.services.functions.ports import Interference, Sabotage
from terrella.services.functions.runtimes import RUNTIMES
from terrella.services.functions.spec import FunctionSpec
from terrella.services.functions.status import AzStatus, FunctionStatus

__all__ = [
    "RUNTIMES",
    "AzStatus",
    "Configuration",
    "FunctionSpec",
    "FunctionStatus",
    "Functions",
    "Interference",
    "InvocationResult",
    "Limits",
    "LogLine",
    "Sabotage",
    "access_key_of_function",
    "function_of_access_key",
    "token_of_access_key",
]
