"""What the compiler works on: shapes, ops, graphs of named steps, and their elaborated form."""
