"""POST /items: writes an item once, however often the request is repeated.

A client that repeats a request after a time-out sends the same ``id``, or the same ``Idempotency-Key`` header, which
then becomes the id. So a repetition finds the first attempt's item; and if it reaches another region before that item
has, both regions write the same item, and one item is what remains.
"""

import base64
import binascii
import json
import os
import uuid
from datetime import UTC, datetime

import boto3
from botocore.exceptions import ClientError

REGION = os.environ["AWS_REGION"]
TABLE = os.environ["TABLE_NAME"]

dynamodb = boto3.client("dynamodb")


class BadRequestError(Exception):
    pass


def handler(event, context):
    try:
        item_id, message = read(event)
    except BadRequestError as error:
        return answer(400, {"error": str(error)})
    item = {
        "id": {"S": item_id},
        "message": {"S": message},
        "written_in": {"S": REGION},
        "written_at": {"S": datetime.now(UTC).isoformat(timespec="milliseconds")},
    }
    try:
        dynamodb.put_item(TableName=TABLE, Item=item, ConditionExpression="attribute_not_exists(id)")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        found = dynamodb.get_item(TableName=TABLE, Key={"id": {"S": item_id}}, ConsistentRead=True).get("Item", item)
        if found["message"]["S"] != message:
            return answer(409, {"error": f"the item {item_id} is there already, with another message"})
        return answer(200, plain(found))
    return answer(201, plain(item))


def read(event):
    """The item's id and message; raises BadRequestError for what is none."""
    body = event.get("body") or ""
    try:
        content = json.loads(base64.b64decode(body) if event.get("isBase64Encoded") else body)
    except (ValueError, binascii.Error):
        raise BadRequestError("the body is not JSON") from None
    if not isinstance(content, dict):
        raise BadRequestError('the body is no JSON object, expected {"message": "...", "id": "..."}')
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    item_id = content.get("id") or headers.get("idempotency-key") or str(uuid.uuid4())
    message = content.get("message", "")
    if not isinstance(item_id, str) or not isinstance(message, str):
        raise BadRequestError("id and message are text")
    if len(item_id) > 200 or len(message) > 10_000:
        raise BadRequestError("an id has at most 200 characters, a message 10,000")
    return item_id, message


def plain(item):
    return {name: value["S"] for name, value in item.items()} | {"served_by": REGION}


def answer(status, content):
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(content)}
