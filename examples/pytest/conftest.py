from entrepot import entrepot, entrepot_server  # noqa: F401  (pytest finds fixtures by name)
