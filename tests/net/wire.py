"""The cables between the servers of a test: each server is reached through a relay, which knows who dials and can cut, stall, delay and
slow down what lies between two of them."""

import asyncio
import os
import re
import socket
import threading
import time

CHUNK = 16384
IN_FLIGHT = 1 << 20  # bytes that a delayed direction holds


def process_of(port, pids):
    """Which of the processes has the socket that is bound to 127.0.0.1:port and connected."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        found = re.search(rf"^ *\d+: 0100007F:{port:04X} \S+ 01 (?:\S+ +){{5}}(\d+)", table.read(), re.M)
    if not found:
        return None
    wanted = f"socket:[{found[1]}]"
    for pid in pids:
        try:
            for fd in os.listdir(f"/proc/{pid}/fd"):
                if os.readlink(f"/proc/{pid}/fd/{fd}") == wanted:
                    return pid
        except OSError:
            pass  # the process or the descriptor has gone meanwhile
    return None


class Cable:
    """What lies between two servers. Set the attributes; they hold for what comes from then on."""

    def __init__(self, whole=True):
        self.whole = whole  # else dialling ends at once
        self.stalled = False  # nothing is taken any more, in neither direction
        self.delay = 0.0  # seconds, one way
        self.rate = None  # bytes a second, each way
        self.carried = 0
        self.ends = set()  # writers of the connections


class Relays:
    """Runs the relays in a thread of their own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.listeners = []

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    def relay(self, port, cable_of, small=False):
        """Gives the port of a relay to `port`; `cable_of` names the cable of who dials, from the pid to ask for. `small`: with little room
        in the system's buffers, so that a stalled cable is felt soon."""
        return self.call(self._relay(port, cable_of, small))

    async def _relay(self, port, cable_of, small):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if small:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        listener.bind(("127.0.0.1", 0))

        async def accepted(reader, writer):
            cable = cable_of(writer.get_extra_info("peername")[1])
            if cable is None or not cable.whole:
                writer.transport.abort()
                return
            await self._join(cable, reader, writer, port, small)

        self.listeners.append(await asyncio.start_server(accepted, sock=listener, limit=CHUNK))
        return listener.getsockname()[1]

    async def _join(self, cable, reader, writer, port, small):
        far = socket.socket()
        if small:
            far.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
            far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32768)
        far.setblocking(False)
        try:
            await self.loop.sock_connect(far, ("127.0.0.1", port))
        except OSError:
            far.close()
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection(sock=far, limit=CHUNK)
        both = (writer, far_writer)
        for one in both:
            one.transport.set_write_buffer_limits(high=CHUNK)
        cable.ends.update(both)
        ways = [asyncio.create_task(self._carry(cable, *way)) for way in ((reader, far_writer), (far_reader, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            cable.ends.difference_update(both)
            for one in both:
                one.transport.abort()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _carry(self, cable, reader, writer):
        """One direction: read, kept for the delay, written; the end goes the same way."""
        queue, room = asyncio.Queue(), asyncio.Semaphore(IN_FLIGHT // CHUNK)
        reading = asyncio.create_task(self._take(cable, reader, queue, room))
        try:
            while True:
                due, data = await queue.get()
                await asyncio.sleep(max(0, due - time.monotonic()))
                while cable.stalled:
                    await asyncio.sleep(0.01)
                if not data:
                    writer.write_eof()
                    return
                if cable.rate:
                    await asyncio.sleep(len(data) / cable.rate)
                writer.write(data)
                await writer.drain()
                cable.carried += len(data)
                room.release()
        finally:
            reading.cancel()

    @staticmethod
    async def _take(cable, reader, queue, room):
        while True:
            while cable.stalled:
                await asyncio.sleep(0.01)
            await room.acquire()
            try:
                data = await reader.read(CHUNK)
            except OSError:
                data = b""
            queue.put_nowait((time.monotonic() + cable.delay, data))
            if not data:
                return

    def cut(self, cable):
        """The connections end as if the cable were gone; nobody is let through until it is whole again."""
        cable.whole = False

        async def abort():
            for end in list(cable.ends):
                end.transport.abort()

        self.call(abort())

    def close(self):
        async def end():
            for listener in self.listeners:
                listener.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await asyncio.sleep(0)

        self.call(end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(20)
        self.loop.close()
