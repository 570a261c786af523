"""Evaluation on recorded and on live answers, calibration, training."""
