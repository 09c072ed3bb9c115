"""Source text for kernels: one folder a target, and what the targets share."""
