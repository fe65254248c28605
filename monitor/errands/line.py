"""What both ends of the line between the service and the process that runs errands agree on."""

#: One JSON object a line, in bytes: it may hold a whole blackbox.yml, or a whole page of metrics.
LONGEST_LINE = 16 * 1024 * 1024
