"""The HTTP service: routes, keys, problem documents. Everything it says comes from `eligibility/`."""
