"""Who is in a group: reviewed, counted, written to files and compared."""
