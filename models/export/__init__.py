"""Export of a trained model: ONNX graphs held to the network, and the model card."""
