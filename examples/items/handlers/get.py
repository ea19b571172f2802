"""GET /items/{id}: the item, which region wrote it, and which one served it."""

import json
import os
from urllib.parse import unquote

import boto3

REGION = os.environ["AWS_REGION"]
TABLE = os.environ["TABLE_NAME"]

dynamodb = boto3.client("dynamodb")


def handler(event, context):
    item_id = unquote(event["pathParameters"]["id"])  # REST APIs pass it as sent
    item = dynamodb.get_item(TableName=TABLE, Key={"id": {"S": item_id}}).get("Item")
    if item is None:
        return answer(404, {"error": f"no item {item_id}", "served_by": REGION})
    return answer(200, {name: value["S"] for name, value in item.items()} | {"served_by": REGION})


def answer(status, content):
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(content)}
