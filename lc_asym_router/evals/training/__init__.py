"""Making the weights that the package ships."""
