"""The frontend: from a prototxt and its weights to a graph of core ops."""
