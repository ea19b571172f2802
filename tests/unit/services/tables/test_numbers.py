"""DynamoDB's number rules."""

from decimal import Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrella.kernel import AwsError
from terrella.services.tables.numbers import add_numbers, normalize_number, number_size_bytes, subtract_numbers

WIDE = Context(prec=400)
digits = st.integers(0, 10**38 - 1).map(str)
numbers = st.builds(
    lambda sign, body, exponent: f"{sign}{body}E{exponent}",
    st.sampled_from(["", "-"]),
    digits,
    st.integers(-100, 80),
)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("1.0", "1"),
        ("00042", "42"),
        ("-0", "0"),
        ("-0.0E5", "0"),
        ("3.1400", "3.14"),
        ("1.5E2", "150"),
        ("+7", "7"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e-3", "0.001"),
        ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
        ("100000000000000000000000000000000000000000", "1" + "0" * 41),
        ("1E-130", "0." + "0" * 129 + "1"),
        ("9.9999999999999999999999999999999999999E+125", "9" * 38 + "0" * 88),
        ("-0.10", "-0.1"),
    ],
)
def test_numbers_are_stored_normalised(text: str, normal: str) -> None:
    assert normalize_number(text) == normal
    assert normalize_number(normal) == normal


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "The parameter cannot be converted to a numeric value"),
        ("abc", "The parameter cannot be converted to a numeric value: abc"),
        ("1_000", "The parameter cannot be converted to a numeric value: 1_000"),
        ("NaN", "The parameter cannot be converted to a numeric value: NaN"),
        (" 1", "The parameter cannot be converted to a numeric value:  1"),
        ("\u0661", "The parameter cannot be converted to a numeric value: \u0661"),
        ("1E126", "Number overflow. Attempting to store a number with magnitude larger than supported range"),
        ("-1E126", "Number overflow. Attempting to store a number with magnitude larger than supported range"),
        ("1E-131", "Number underflow. Attempting to store a number with magnitude smaller than supported range"),
        ("123456789012345678901234567890123456789", "Attempting to store more than 38 significant digits in a Number"),
    ],
)
def test_what_is_no_number_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(AwsError) as caught:
        normalize_number(text)
    assert caught.value.message == complaint


@given(numbers)
def test_normalising_keeps_the_value_and_is_unique(text: str) -> None:
    normal = normalize_number(text)
    assert Decimal(normal) == Decimal(text)
    assert "E" not in normal.upper()
    assert normalize_number(f"{Decimal(text):E}") == normal


@given(numbers, numbers)
def test_sums_are_exact_or_refused(left: str, right: str) -> None:
    for calculate, expected in (
        (add_numbers, WIDE.add(Decimal(left), Decimal(right))),
        (subtract_numbers, WIDE.subtract(Decimal(left), Decimal(right))),
    ):
        try:
            result = calculate(normalize_number(left), normalize_number(right))
        except AwsError:
            trimmed = expected.normalize(WIDE)
            assert len(trimmed.as_tuple().digits) > 38 or not -130 <= trimmed.adjusted() <= 125
        else:
            assert Decimal(result) == expected


def test_sizes_are_about_a_byte_for_two_digits() -> None:
    assert [number_size_bytes(text) for text in ("0", "1", "10", "12", "-12", "123456")] == [1, 2, 2, 2, 3, 4]
