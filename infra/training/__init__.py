"""How the shipped intent model is made: simulated visits in, ONNX network and integer heads out."""
