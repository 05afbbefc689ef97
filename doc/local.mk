dist_man_MANS = doc/godwit.8 doc/godwit-agent.1 doc/godwitctl.1 doc/godwit-modules.7 doc/godwit.yaml.5
dist_doc_DATA = README.md doc/architecture.md doc/control-protocol.md doc/link-handshake.md doc/link-vectors.txt doc/modules.md doc/redirect.md
diceexampledir = $(docdir)/examples/dice
dist_diceexample_DATA = doc/examples/dice/dice.c doc/examples/dice/Makefile
