"""One file a format of checkpoints; each has `read(path, format) -> Checkpoint`."""
