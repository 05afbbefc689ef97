# Test programs of tests/module; tests/local.mk says what a test adds here.
