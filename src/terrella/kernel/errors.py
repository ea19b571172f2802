"""The roots of the error families.

``TerrellaError``   what a person sees: one clear sentence saying what was found, what was expected and where
``AwsError``        what an AWS client sees: a code and message that the service's own model knows
"""


class TerrellaError(Exception):
    """Something that the person at the keyboard can mend; its text is the whole message."""


class AwsError(Exception):
    """An error of an AWS API.

    ``code`` is the error's name in the service model (``ResourceNotFoundException``), ``status`` the HTTP status,
    ``fields`` further members of the error's shape (``CancellationReasons``, ``Item``), as wire JSON.
    """

    def __init__(self, code: str, message: str, status: int = 400, fields: dict[str, object] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields or {}
