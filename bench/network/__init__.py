"""An ONNX graph on fastconv's plans: read, joined, placed in memory, run."""
