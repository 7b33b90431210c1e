"""What a network is trained on and reads: windows, streams or sequences, and the units they are measured in."""
