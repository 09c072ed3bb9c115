"""The messages of Caffe's files: `caffe.proto`, and the module generated from it."""
