// Placeholder until the first slice of this layer lands.
