# The agent's mover (modules/agent/mover.h): for the load generator and for simulated clients.
MOVER_SOURCES = modules/agent/mover.c modules/agent/mover.h modules/agent/ircline.c modules/agent/ircline.h \
	modules/agent/request.c modules/agent/request.h
# On real connections (client.h).
CLIENT_SOURCES = $(MOVER_SOURCES) tests/client/client.c tests/client/client.h tests/client/wire.c tests/client/wire.h
