"""How contestants are checked and timed: answers, protocol, machine, and the row they give."""
