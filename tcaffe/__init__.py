"""tcaffe: a graph compiler for Caffe networks."""
