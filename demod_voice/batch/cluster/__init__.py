"""The units of a batch on a Ray cluster: actors that speak, a crew that is kept complete, inputs that travel by content."""
