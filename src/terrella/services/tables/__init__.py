"""DynamoDB: its wire API, expressions and indexes, on the journal."""
