"""Passes: functions from graph to graph, then to a program; `pipeline` lists them in order."""
