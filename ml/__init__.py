"""What pictures show: models, faces, text. Nothing here yet."""
