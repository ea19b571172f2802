"""Lambda's API: one operation, one file. What is not in ``OPERATIONS`` answers an error that says so."""

from terrella.services.functions.operations.call import Call, Operation, not_implemented
from terrella.services.functions.operations.create_function import create_function
from terrella.services.functions.operations.delete_function import delete_function
from terrella.services.functions.operations.delete_function_concurrency import delete_function_concurrency
from terrella.services.functions.operations.get_function import get_function
from terrella.services.functions.operations.get_function_concurrency import get_function_concurrency
from terrella.services.functions.operations.get_function_configuration import get_function_configuration
from terrella.services.functions.operations.get_policy import get_policy
from terrella.services.functions.operations.invoke import invoke
from terrella.services.functions.operations.list_functions import list_functions
from terrella.services.functions.operations.list_tags import list_tags
from terrella.services.functions.operations.put_function_concurrency import put_function_concurrency
from terrella.services.functions.operations.update_function_code import update_function_code
from terrella.services.functions.operations.update_function_configuration import update_function_configuration

OPERATIONS: dict[str, Operation] = {
    "Invoke": invoke,
    "ListFunctions": list_functions,
    "GetFunction": get_function,
    "GetFunctionConfiguration": get_function_configuration,
    "UpdateFunctionConfiguration": update_function_configuration,
    "UpdateFunctionCode": update_function_code,
    "CreateFunction": create_function,
    "DeleteFunction": delete_function,
    "GetFunctionConcurrency": get_function_concurrency,
    "PutFunctionConcurrency": put_function_concurrency,
    "DeleteFunctionConcurrency": delete_function_concurrency,
    "GetPolicy": get_policy,
    "ListTags": list_tags,
}

__all__ = ["OPERATIONS", "Call", "Operation", "not_implemented"]
