"""The rules: state machines, facts and permissions. The same arguments give the same answer for ever."""
