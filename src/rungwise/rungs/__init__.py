"""One file a rung; `registry` finds them. The file's name is the rung's name, its docstring the rung's card."""
