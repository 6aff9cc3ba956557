"""Where a submission's code runs: a process that is forked from a warm one, walled off, and limited."""
