"""Running strangers' notebooks. Nothing in this folder knows what a right answer is."""
