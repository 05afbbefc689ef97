exampledir = $(docdir)/examples
example_DATA =
