"""GET /health: whether this region wants traffic, by the STATUS in its environment.

It depends on nothing that other regions could share, and loads nothing: what fails elsewhere must not fail here.
"""

import json
import os


def handler(event, context):
    status = int(os.environ.get("STATUS", "200"))
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
        "body": json.dumps({"region": os.environ.get("AWS_REGION"), "status": status}),
    }
