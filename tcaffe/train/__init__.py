"""Training: the solver's settings, its rules in core ops, the step as one program, and the loop around it."""
