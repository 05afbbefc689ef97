exampledir = $(docdir)/examples
example_DATA = conf/godwit.yaml conf/minimal.yaml conf/network.yaml
