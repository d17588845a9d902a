"""One module per resource; each operation of the contract is one function."""
