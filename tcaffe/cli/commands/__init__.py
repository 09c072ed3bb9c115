"""The commands of `tcaffe`, one file each, by its name."""
