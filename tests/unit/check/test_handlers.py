"""Rules on handlers' code, each with what breaks it and what does not."""

from textwrap import dedent
from typing import Any

import pytest
from tests.unit.check.conftest import Judge

FUNCTION = """
F:
  Type: AWS::Serverless::Function
  Properties:
    Handler: app.handler
    Runtime: RUNTIME
    CodeUri: src/
    Environment: {Variables: {BUCKET_REGION: !Ref AWS::Region}}
    Events: {Create: {Type: HttpApi, Properties: {Method: post, Path: /items}}}
"""
KEPT, PINNED, REPEATED = "state-in-function", "hard-coded-region-in-code", "post-without-idempotency"


def found_in(judge: Judge, code: str, *, script: bool = False, **more: Any) -> set[tuple[str, int]]:
    """The rules that a handler breaks, with the lines of its file."""
    runtime, name = ("nodejs22.x", "src/app.mjs") if script else ("python3.12", "src/app.py")
    resources = FUNCTION.replace("RUNTIME", runtime)
    found = judge(resources, files={name: code.lstrip("\n")}, **more)
    return {(finding.rule, finding.line) for finding in found}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("seen = []\ndef handler(e, c):\n    seen.append(e)\n", {(KEPT, 3)}),
        ("totals = {}\ndef handler(e, c):\n    totals['a'] = 1\n", {(KEPT, 3)}),
        ("calls = 0\ndef handler(e, c):\n    global calls\n    calls += 1\n", {(KEPT, 4)}),
        ("import sqlite3\ndb = sqlite3.connect('/tmp/items.db')\n", {(KEPT, 2)}),
        ("def handler(e, c):\n    open('out.txt', 'w').write('x')\n", {(KEPT, 2)}),
        ("def handler(e, c):\n    open('/tmp/log', 'a').write('x')\n", {(KEPT, 2)}),
        ("def handler(e, c):\n    seen = []\n    seen.append(e)\n", set()),
        ("cache = {}\ndef handler(e, c):\n    cache['a'] = 1\n", set()),
        ("known = {}\ndef handler(e, c):\n    if e not in known:\n        known[e] = 1\n", set()),
        ("rows = []\ndef handler(e, c):\n    rows.clear()\n    rows.append(e)\n", set()),
        ("names = []\nfor n in 'ab':\n    names.append(n)\n", set()),
        ("client = None\ndef handler(e, c):\n    global client\n    client = client or 1\n", set()),
        ("def handler(e, c):\n    open('/tmp/a', 'w').write('x')\n    open('data.json').read()\n", set()),
        ("if __name__ == '__main__':\n    open('out.txt', 'w').write('x')\n", set()),
        ("import boto3\ns = boto3.client('sqs', region_name='us-east-1')\n", {(PINNED, 2)}),
        ("import boto3\ns = boto3.resource('dynamodb', 'eu-west-1')\n", {(PINNED, 2)}),
        ("TOPIC = 'arn:aws:sns:us-east-1:987654321098:t'\n", {(PINNED, 1)}),
        ("REGION = 'us-east-1'\n", {(PINNED, 1)}),
        ("import os\nr = os.environ.get('REGION', 'us-east-1')\n", {(PINNED, 2)}),
        ("import os\nr = os.getenv('REGION', 'us-east-1')\n", {(PINNED, 2)}),
        ("import os\nr = os.environ.get('AWS_REGION', 'us-east-1')\n", set()),
        ("import os\nr = os.environ.get('BUCKET_REGION', 'us-east-1')\n", set()),
        ("import boto3\ns = boto3.client('cloudfront', region_name='us-east-1')\n", set()),
        ('def handler(e, c):\n    """Once it was arn:aws:sns:us-east-1:987654321098:t."""\n', set()),
        ("PRIMARY_REGION = 'us-east-1'\n", set()),
        ("def handler(e, c):\n    if e == 'us-east-1':\n        pass\n", set()),
        ("this is no Python\n", set()),
    ],
)
def test_python(judge: Judge, code: str, expected: set[tuple[str, int]]) -> None:
    assert found_in(judge, code) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("const seen = []\nexport const handler = async (e) => {\n  seen.push(e)\n}\n", {(KEPT, 3)}),
        ("let calls = 0\nexport const handler = async () => {\n  calls++\n}\n", {(KEPT, 3)}),
        ("const names = []\nif (true) {\n  names.push(1)\n}\nexport const handler = async () => names\n", set()),
        ("const cache = new Map()\nexport const handler = async (e) => {\n  cache.set(e, 1)\n}\n", set()),
        ("export const handler = async () => {\n  const seen = []\n  seen.push(1)\n}\n", set()),
        ("const c = new SQSClient({ region: 'us-east-1' })\n", {(PINNED, 1)}),
        ("const c = new CloudFrontClient({ region: 'us-east-1' })\n", set()),
        ("const c = new SQSClient({ region: process.env.AWS_REGION || 'us-east-1' })\n", set()),
        ("const r = process.env.REGION ?? 'us-east-1'\n", {(PINNED, 1)}),
        ("// const c = new SQSClient({ region: 'us-east-1' })\n", set()),
        ("const q = 'https://sqs.eu-west-1.amazonaws.com/9/q'\n", {(PINNED, 1)}),
        ("export const handler = () => {\n  fs.writeFileSync('out.txt', 'x')\n}\n", {(KEPT, 2)}),
    ],
)
def test_scripts(judge: Judge, code: str, expected: set[tuple[str, int]]) -> None:
    assert found_in(judge, code, script=True) == expected


def test_what_a_handler_imports_is_looked_at_and_nothing_else(judge: Judge) -> None:
    files = {
        "src/shared/__init__.py": "",
        "src/shared/keep.py": "seen = []\ndef keep(e):\n    seen.append(e)\n",
        "src/unused.py": "REGION = 'us-east-1'\n",
        "src/app.py": "from shared.keep import keep\n\ndef handler(e, c):\n    keep(e)\n",
    }
    found = judge(FUNCTION.replace("RUNTIME", "python3.12"), files=files)
    assert [(one.file.name, one.line, one.rule) for one in found] == [("keep.py", 3, KEPT)]


def test_code_in_the_template_is_told_by_the_templates_lines(judge: Judge) -> None:
    resources = """
    F:
      Type: AWS::Lambda::Function
      Properties:
        Handler: index.handler
        Runtime: python3.12
        Role: r
        Code:
          ZipFile: |
            REGION = "us-east-1"
    """
    (finding,) = judge(resources)
    assert (finding.rule, finding.file.name, finding.line) == (PINNED, "template.yaml", 10)


POST = """
import uuid
def handler(e, c):
    table.put_item(Item={"id": IDMORE)
"""


@pytest.mark.parametrize(
    ("made", "more", "is_found"),
    [
        ("str(uuid.uuid4())", "}", True),
        ("e['id']", "}", False),
        ("str(uuid.uuid4())", "}, ConditionExpression='attribute_not_exists(token)'", False),
    ],
)
def test_a_post_that_makes_two_of_one(judge: Judge, made: str, more: str, is_found: bool) -> None:
    code = POST.replace("ID", made, 1).replace("MORE", more)
    assert (REPEATED in {rule for rule, _ in found_in(judge, code)}) is is_found


def test_routes_of_an_openapi_definition_count(judge: Judge) -> None:
    resources = """
    F: {Type: AWS::Serverless::Function, Properties: {Handler: app.handler, Runtime: python3.12, CodeUri: src/}}
    A:
      Type: AWS::Serverless::Api
      Properties:
        StageName: prod
        DefinitionBody:
          swagger: "2.0"
          paths:
            /items:
              post:
                x-amazon-apigateway-integration:
                  {type: aws_proxy, httpMethod: POST, uri: !Sub "arn:x/${F.Arn}/invocations"}
    """
    code = POST.replace("ID", "str(uuid.uuid4())", 1).replace("MORE", "}")
    assert REPEATED in {one.rule for one in judge(resources, files={"src/app.py": code})}


ONE_FILE_FOR_ALL = """\
import boto3
table = boto3.resource("dynamodb").Table("orders")
def said(status): return {"statusCode": status}
def get(e, c): return table.get_item(Key={"id": e})
def handler(e, c):
    return said(200)
"""
HEALTH = """
F:
  Type: AWS::Serverless::Function
  Properties:
    Handler: app.handler
    Runtime: python3.12
    CodeUri: src/
    Events: {Health: {Type: HttpApi, Properties: {Method: get, Path: /health}}}
C:
  Type: AWS::Route53::HealthCheck
  Properties: {HealthCheckConfig: {Type: HTTPS, FullyQualifiedDomainName: a.example.org, ResourcePath: /prod/health}}
"""


@pytest.mark.parametrize(
    ("code", "is_found"),
    [
        ("import requests\ndef handler(e, c):\n    requests.get('https://id.example.com')\n", True),
        ("import boto3\nt = boto3.resource('dynamodb')\ndef handler(e, c):\n    t.Table('a').get_item(Key={})\n", True),
        ("def handler(e, c):\n    return {'statusCode': 200}\n", False),
        (ONE_FILE_FOR_ALL, False),
        (ONE_FILE_FOR_ALL.replace("return said(200)", "return said(200 if get('x', c) else 500)"), True),
        ("import boto3\na, b = 1, boto3.client('sts')\ndef handler(e, c):\n    b.get_caller_identity()\n", True),
        (f"{ONE_FILE_FOR_ALL}\nhandler = traced(handler)\n", True),
    ],
)
def test_a_health_check_that_asks_others(judge: Judge, code: str, is_found: bool) -> None:
    found = judge(HEALTH, files={"src/app.py": code})
    assert ("deep-health-check" in {one.rule for one in found}) is is_found


def test_a_counter_in_a_global_table(judge: Judge) -> None:
    table = """
    T:
      Type: AWS::DynamoDB::GlobalTable
      Properties:
        AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
        KeySchema: [{AttributeName: id, KeyType: HASH}]
        Replicas: [{Region: us-east-1}, {Region: eu-west-1}]
    """
    code = 'def handler(e, c):\n    t.update_item(Key={}, UpdateExpression="SET votes = votes + :one")\n'
    resources = FUNCTION.replace("RUNTIME", "python3.12")
    rules = {(one.rule, one.line) for one in judge(resources + dedent(table), files={"src/app.py": code})}
    assert ("counter-on-global-table", 2) in rules
    assert "counter-on-global-table" not in {one.rule for one in judge(resources, files={"src/app.py": code})}
