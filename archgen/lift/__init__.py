"""From an existing module to a spec: trace it, find blocks and repeats, print it, prove it equal."""
