# The project's own client (mover.h): for the load generator and for simulated clients.
MOVER_SOURCES = tests/client/mover.c tests/client/mover.h tests/client/request.c tests/client/request.h
