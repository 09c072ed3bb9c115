"""Pictures of a compiled net: its kernels as a graph, its memory over time; as one HTML page, or as dot."""
