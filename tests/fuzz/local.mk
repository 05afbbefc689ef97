# Test programs of tests/fuzz; tests/local.mk says what a test adds here.
