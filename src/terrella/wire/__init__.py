"""What crosses a socket: HTTP, the AWS protocols driven by botocore's service models, links between regions."""
