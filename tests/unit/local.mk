# Test programs of tests/unit; tests/local.mk says what a test adds here.
