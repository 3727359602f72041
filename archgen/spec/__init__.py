"""What the user wrote: positioned YAML nodes, expressions, and the models of a spec."""
