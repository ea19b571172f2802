"""Route 53 and the edge: record sets and policies to answers, health checks to verdicts, name server, HTTP edge."""
