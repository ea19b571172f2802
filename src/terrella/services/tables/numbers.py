"""DynamoDB's numbers: decimal text, at most 38 significant digits, magnitudes from 1E-130 to 9.99…E+125.

Numbers are stored normalised (``1.0`` as ``1``, ``1E2`` as ``100``, ``-0`` as ``0``), so that two numbers are equal
exactly if their texts are. Source: "Supported data types and naming rules in Amazon DynamoDB".
"""

import re
from decimal import Context, Decimal

from terrella.kernel import AwsError

DIGITS_MAX = 38
EXPONENT_MAX = 125
EXPONENT_MIN = -130

is_normal_integer = re.compile(r"-?[1-9][0-9]{0,36}|0").fullmatch
_NUMBER = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,9}))?", re.ASCII).fullmatch
# Wide enough that sums and differences of any two numbers are exact.
_EXACT = Context(prec=300, Emax=1000, Emin=-1000)


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def split_number(text: str) -> tuple[bool, str, int]:
    """(negative, significant digits, exponent of the first digit); zero has no digits. Raises ``AwsError``."""
    found = _NUMBER(text)
    if found is None or not (found[2] or found[3]):
        complaint = "The parameter cannot be converted to a numeric value"
        raise _invalid(f"{complaint}: {text}" if text else complaint)
    fraction = found[3] or ""
    leading = (found[2] + fraction).lstrip("0")
    digits = leading.rstrip("0")
    if not digits:
        return False, "", 0
    exponent = int(found[4] or 0) - len(fraction) + len(leading) - 1
    if exponent > EXPONENT_MAX:
        raise _invalid("Number overflow. Attempting to store a number with magnitude larger than supported range")
    if exponent < EXPONENT_MIN:
        raise _invalid("Number underflow. Attempting to store a number with magnitude smaller than supported range")
    if len(digits) > DIGITS_MAX:
        raise _invalid("Attempting to store more than 38 significant digits in a Number")
    return found[1] == "-", digits, exponent


def normalize_number(text: str) -> str:
    """The text that DynamoDB answers for a number; raises ``AwsError`` ValidationException if it is none."""
    if is_normal_integer(text):
        return text
    negative, digits, exponent = split_number(text)
    if not digits:
        return "0"
    if exponent < 0:
        plain = "0." + "0" * (-exponent - 1) + digits
    elif len(digits) <= exponent + 1:
        plain = digits.ljust(exponent + 1, "0")
    else:
        plain = f"{digits[: exponent + 1]}.{digits[exponent + 1 :]}"
    return f"-{plain}" if negative else plain


def add_numbers(left: str, right: str) -> str:
    """The sum, normalised; raises ``AwsError`` ValidationException if it leaves the supported range."""
    return normalize_number(str(_EXACT.add(Decimal(left), Decimal(right))))


def subtract_numbers(left: str, right: str) -> str:
    """The difference, normalised; raises ``AwsError`` ValidationException if it leaves the supported range."""
    return normalize_number(str(_EXACT.subtract(Decimal(left), Decimal(right))))


def number_size_bytes(normal: str) -> int:
    """What a normalised number counts towards the size of an item: about a byte for two digits, and one."""
    if normal == "0":
        return 1
    whole, _, fraction = normal.lstrip("-").partition(".")
    significant = len((whole + fraction).strip("0"))
    exponent = len(whole) - 1 if whole != "0" else len(fraction.lstrip("0")) - len(fraction) - 1
    even = 0 if significant % 2 or exponent % 2 else 1
    return 1 + (significant + 1) // 2 + even + (normal[0] == "-")
