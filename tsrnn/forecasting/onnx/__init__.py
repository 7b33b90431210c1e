"""A fitted estimator written as an ONNX graph."""
