"""Which names belong to a region."""

import pytest

from terrella.wire.hostnames import region_of_hostname


@pytest.mark.parametrize(
    ("name", "region"),
    [
        ("abc123.execute-api.us-east-1.amazonaws.com", "us-east-1"),
        ("d-abc.execute-api.eu-west-1.amazonaws.com.", "eu-west-1"),
        ("dynamodb.AP-southeast-2.amazonaws.com", "ap-southeast-2"),
        ("bucket.s3.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("us-east-1.amazonaws.com", "us-east-1"),
        ("iam.amazonaws.com", None),
        ("lb-1.us-east-1.elb.amazonaws.com", "us-east-1"),
        ("abc.lambda-url.eu-west-1.on.aws", "eu-west-1"),
        ("x.us-east-1.amazonaws.com.evil.example", None),
        ("items.example.com", None),
        ("", None),
    ],
)
def test_only_aws_s_names_that_name_a_region_have_one(name: str, region: str | None) -> None:
    assert region_of_hostname(name) == region
