"""Speed and memory beside other engines. Not installed with the package; run as `python -m benchmarks.cpu`."""
