"""Images: a classifier, and pictures from files as its inputs."""
