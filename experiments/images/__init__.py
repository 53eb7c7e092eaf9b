"""Images: a network that classifies them, and pictures from files as its inputs."""
