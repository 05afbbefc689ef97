# Test programs of tests/sim; tests/local.mk says what a test adds here.
