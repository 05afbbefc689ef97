# The protocols' models (tests/models/README.md); a short form of one is in tests/rules/services-model.
.PHONY: models

models:
	@CC='$(CC)' "$(srcdir)/tests/models/run" $(MODELS)
