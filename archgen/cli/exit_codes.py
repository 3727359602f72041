"""What the exit status says to scripts; these numbers are stable."""

SOUND = 0
FINDINGS = 1  # errors in a spec, or a file that is stale; with --strict warnings too
UNUSABLE = 2  # a wrong command line, or a file that cannot be read or written
BUG = 3  # ours, never the user's
LOST = 4  # another process of the same training is gone: the run can be resumed
SIGNALLED = 128  # beside the signal's number: how a shell tells of a process that a signal ended
INTERRUPTED = 130
