dist_man_MANS = doc/godwit.8 doc/godwit-agent.1 doc/godwitctl.1 doc/godwit-modules.7 doc/godwit.yaml.5
dist_doc_DATA = README.md doc/architecture.md doc/compare.md doc/control-protocol.md doc/link-handshake.md doc/link-vectors.txt doc/modules.md doc/redirect.md
diceexampledir = $(docdir)/examples/dice
dist_diceexample_DATA = doc/examples/dice/README.md doc/examples/dice/Makefile \
	doc/examples/dice/dice.c doc/examples/dice/test_dice.c
spamexampledir = $(docdir)/examples/spam
dist_spamexample_DATA = doc/examples/spam/README.md doc/examples/spam/Makefile \
	doc/examples/spam/spam.c doc/examples/spam/spam.h doc/examples/spam/question.c \
	doc/examples/spam/patterns.c doc/examples/spam/test_spam.c
memoexampledir = $(docdir)/examples/memo
dist_memoexample_DATA = doc/examples/memo/README.md doc/examples/memo/Makefile \
	doc/examples/memo/memo.c doc/examples/memo/memo.h doc/examples/memo/cells.c \
	doc/examples/memo/commands.c doc/examples/memo/tell.c doc/examples/memo/test_memo.c \
	doc/examples/memo/forger.c
