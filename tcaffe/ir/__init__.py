"""The waist of the house: types, nodes, core ops, text form, verifier, reference interpreter, programs."""
