"""The runtime of GPU targets: launches of Triton functions, on a GPU or in Triton's interpreter."""
