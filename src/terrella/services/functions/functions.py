"""The functions of one region with their wire: what the region room holds."""

from terrella.kernel import AwsError
from terrella.services.functions.core import FunctionCore
from terrella.services.functions.operations import OPERATIONS, Call, not_implemented
from terrella.wire.aws.rest_json import RestJsonService
from terrella.wire.http import Request, Response


class Functions(FunctionCore):
    """Lambda in one region."""

    _wire: RestJsonService | None = None

    async def handle(self, request: Request) -> Response:
        """Lambda's REST API. Errors are answered, not raised."""
        if self._wire is None:
            # Reading the model takes 20 ms, which a region that nobody calls Lambda in need not spend.
            self._wire = RestJsonService("lambda")
        request_id = self.ids.uuid()
        try:
            name, labels = self._wire.route(request)
            operation = OPERATIONS.get(name) or not_implemented(name)
            params = self._wire.parameters(name, labels, request)
            if self.interference is not None:
                await self.interference(name, self.called(params.get("FunctionName", "")))
            call = Call(params, request_id, request.header("x-amzn-trace-id"))
            result = await operation(self, call)
            return self._wire.respond(name, result, request_id)
        except AwsError as error:
            return self._wire.respond_error(error, request_id)
