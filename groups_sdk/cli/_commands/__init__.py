"""The commands, by what they do. Each file is imported when one of its commands is run."""
