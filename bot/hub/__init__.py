"""Client of the Hugging Face Hub."""
