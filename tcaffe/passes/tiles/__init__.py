"""`choose_tiles`: how the work of each kernel is cut up among the programs of a GPU."""

from tcaffe.passes.tiles.choose import choose_tiles

__all__ = ["choose_tiles"]
