"""The command line: plain argparse and plain text, with nothing beyond the base install."""
