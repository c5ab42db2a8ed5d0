"""What a seed is made of: tasks, inputs, networks, products, keys, orders."""
