"""One region: wires the services together through their ports and serves them."""
