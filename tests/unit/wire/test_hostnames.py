"""The region that a host name leads to."""

import pytest

from terrella.wire.hostnames import region_of_hostname


@pytest.mark.parametrize(
    ("name", "region"),
    [
        ("a1b2c3d4e5.execute-api.us-east-1.amazonaws.com", "us-east-1"),
        ("d-a1b2c3d4e5.execute-api.eu-central-2.amazonaws.com.", "eu-central-2"),
        ("D-X.Execute-API.AP-Southeast-1.AMAZONAWS.COM", "ap-southeast-1"),
        ("dynamodb.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("dynamodb.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("my-lb-123.us-west-2.elb.amazonaws.com", "us-west-2"),
        ("abc.lambda-url.eu-west-1.on.aws", "eu-west-1"),
        ("bucket.s3-website-us-east-1.amazonaws.com", "us-east-1"),
        ("bucket.s3-website.eu-west-1.amazonaws.com", "eu-west-1"),
        ("us-west-2.bucket.s3.eu-west-1.amazonaws.com", "eu-west-1"),
        ("bucket.s3.amazonaws.com", None),
        ("us-east-1.example.com", None),
        ("d111111abcdef8.cloudfront.net", None),
        ("127.0.1.1", None),
        ("", None),
    ],
)
def test_region(name: str, region: str | None) -> None:
    assert region_of_hostname(name) == region
