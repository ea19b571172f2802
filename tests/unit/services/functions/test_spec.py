"""What a template's AWS::Lambda::Function becomes, and what is refused by name."""

from pathlib import Path
from typing import Any

import pytest

from terrella.kernel import TerrellaError
from terrella.services.functions import FunctionSpec, access_key_of_function, function_of_access_key


def read(**properties: Any) -> FunctionSpec:
    resolved = {"Handler": "app.f", "Runtime": "python3.12", **properties}
    return FunctionSpec.from_cloudformation("Create", "items", resolved, Path("/code"))


def test_properties_and_defaults() -> None:
    spec = read()
    assert (spec.name, spec.timeout_s, spec.memory_mb, spec.environment) == ("items-Create", 3, 128, {})
    spec = read(
        FunctionName="mine",
        Timeout="7",
        MemorySize=256,
        Environment={"Variables": {"AA": 1, "BB": True}},
        ReservedConcurrentExecutions=2,
        Tags=[{"Key": "k", "Value": "v"}],
    )
    assert (spec.name, spec.timeout_s, spec.memory_mb, spec.reserved_concurrency) == ("mine", 7, 256, 2)
    assert (spec.environment, spec.tags) == ({"AA": "1", "BB": "true"}, {"k": "v"})
    inline = read(Code={"ZipFile": "def f(event, context): pass"})
    assert (inline.inline_code, inline.code_directory) == ("def f(event, context): pass", None)


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        (
            {"Runtime": "nodejs22.x"},
            "the function Create: the runtime nodejs22.x is not supported yet; expected one of",
        ),
        ({"Runtime": "cobol"}, "the function Create: the runtime cobol is no Lambda runtime"),
        ({"Runtime": ""}, "the function Create has no Runtime; expected one of python3.9"),
        ({"PackageType": "Image"}, "PackageType Image is not supported"),
        ({"Layers": ["x"]}, "Layers is not supported: layers are not fetched"),
        ({"Timeout": 901}, "Timeout is 901; expected 1 to 900"),
        ({"MemorySize": "big"}, "MemorySize is 'big'; expected a whole number"),
        ({"FunctionName": "a b"}, "the name 'a b' is not 1 to 64 letters"),
        ({"Environment": {"Variables": {"_HANDLER": "x"}}}, "Reserved keys used in this request: _HANDLER"),
        ({"Environment": {"Variables": {"BIG": "x" * 4096}}}, "exceeded the 4KB limit"),
    ],
)
def test_what_is_refused(properties: dict[str, Any], words: str) -> None:
    with pytest.raises(TerrellaError) as caught:
        read(**properties)
    assert words in str(caught.value)


def test_access_keys_name_functions() -> None:
    for name in ("a", "items-Create", "x" * 64):
        key = access_key_of_function(name)
        assert key.isalnum()
        assert len(key) <= 128
        assert function_of_access_key(key) == name
    assert function_of_access_key("AKIAIOSFODNN7EXAMPLE") is None
    assert function_of_access_key("ASIATERRELLA1") is None
