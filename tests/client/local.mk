# The project's own client (mover.h): for the load generator and for simulated clients.
MOVER_SOURCES = tests/client/mover.c tests/client/mover.h tests/client/request.c tests/client/request.h
# On real connections (client.h).
CLIENT_SOURCES = $(MOVER_SOURCES) tests/client/client.c tests/client/client.h tests/client/wire.c tests/client/wire.h
