"""The waist of the house: types, nodes, core ops, the printed form, the verifier, the reference interpreter, programs."""
