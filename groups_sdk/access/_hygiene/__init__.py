"""What is wrong with the members of a group: reported and, by a policy, made a plan."""
