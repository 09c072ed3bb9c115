"""The runtime: one arena, the parameters, and a list of calls. It needs numpy and nothing of the compiler."""
