"""CORS as HTTP APIs do it: preflight requests are answered by the gateway, other answers get the configured headers.

After "Configuring CORS for an HTTP API" in the developer guide: with CORS configured, the function's own CORS headers
are ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from terrella.kernel import TerrellaError
from terrella.wire.http import Headers

_SCHEMES = {"https://*": "https://", "http://*": "http://"}


@dataclass(frozen=True, slots=True)
class Cors:
    """An HTTP API's CORS configuration; ``max_age_s`` None leaves the header out."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    credentials: bool
    max_age_s: int | None

    @classmethod
    def read(cls, definition: Mapping[str, Any], where: str) -> Self:
        """Read ``CorsConfiguration`` or ``x-amazon-apigateway-cors``; they differ in the case of their names."""
        values = {name[0].lower() + name[1:]: value for name, value in definition.items()}

        def texts(name: str) -> tuple[str, ...]:
            value = values.get(name) or ()
            return (value,) if isinstance(value, str) else tuple(str(item) for item in value)

        cors = cls(
            origins=texts("allowOrigins"),
            methods=texts("allowMethods"),
            headers=tuple(name.lower() for name in texts("allowHeaders")),
            exposed=texts("exposeHeaders"),
            credentials=str(values.get("allowCredentials", False)).lower() == "true",
            max_age_s=None if values.get("maxAge") is None else int(values["maxAge"]),
        )
        if cors.credentials and "*" in (*cors.origins, *cors.methods, *cors.headers):
            raise TerrellaError(f"{where}: CORS with AllowCredentials takes no wildcard *, as on AWS")
        return cors

    def _allowed(self, origin: str) -> str:
        if not origin:
            return ""
        if "*" in self.origins:
            return "*"
        for allowed in self.origins:
            if allowed == origin or (allowed in _SCHEMES and origin.startswith(_SCHEMES[allowed])):
                return origin
        return ""

    def preflight(self, origin: str) -> Headers:
        """The headers that answer a preflight request; none if the origin is not allowed."""
        allowed = self._allowed(origin)
        if not allowed:
            return []
        headers = [("access-control-allow-origin", allowed)]
        if self.methods:
            headers.append(("access-control-allow-methods", ",".join(self.methods)))
        if self.headers:
            headers.append(("access-control-allow-headers", ",".join(self.headers)))
        if self.max_age_s is not None:
            headers.append(("access-control-max-age", str(self.max_age_s)))
        return headers + self._common()

    def apply(self, headers: Headers, origin: str) -> Headers:
        """A response's headers with the function's own CORS headers replaced by the configured ones."""
        kept = [pair for pair in headers if not pair[0].startswith("access-control-")]
        allowed = self._allowed(origin)
        return [*kept, ("access-control-allow-origin", allowed), *self._common()] if allowed else kept

    def _common(self) -> Headers:
        headers = [("access-control-expose-headers", ",".join(self.exposed))] if self.exposed else []
        if self.credentials:
            headers.append(("access-control-allow-credentials", "true"))
        return headers
