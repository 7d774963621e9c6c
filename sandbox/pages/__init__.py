"""The pages for people: overview and 3D Secure."""
