"""One loop for all networks."""
