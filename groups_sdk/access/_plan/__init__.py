"""The desired state of a group, the plan that leads there, and its journal."""
