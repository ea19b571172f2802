"""API Gateway: REST APIs (payload 1.0) and HTTP APIs (payload 2.0)."""
