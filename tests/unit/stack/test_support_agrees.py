"""What the tables call honoured, the rooms that have to honour it take."""

import pytest

import terrella.services.gateway.support as gateway
from terrella.stack.support import RESOURCE_TYPES, ResourceType, Verdict

API_TYPES = [known for name, known in RESOURCE_TYPES.items() if name.startswith("AWS::ApiGateway")]


@pytest.mark.parametrize("known", API_TYPES, ids=lambda known: known.name)
def test_api_gateway(known: ResourceType) -> None:
    """The gateway has a table of its own, by which it refuses at the last moment: this one must not promise more."""
    if known.verdict is not Verdict.REFUSED:
        assert gateway.verdict_of(known.name).verdict != "refused"
    for name, what in known.properties.items():
        if what.verdict is not Verdict.REFUSED and what.allowed != "false":
            assert gateway.verdict_of(known.name, name).verdict != "refused", f"{known.name} {name}"
