"""What leaves and enters as a file: LoRAs, embeddings and pictures, each in the forms that other tools read."""
