"""Where bytes live: names of files, how they come and go, what may be accepted."""
