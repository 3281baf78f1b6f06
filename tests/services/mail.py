"""A mail server on loopback that keeps what it takes: `python mail.py DIR` prints its port, and ends when its standard input does.

Each mail that is taken becomes a file of DIR, `1.eml` and so on, with the addressees in a first line `X-To`. While DIR has a file `busy`, an addressee is
451; while it has one `gone`, 550. Where it has one `kill`, the process whose id that holds is killed once a mail was taken, before it hears so.
"""
import asyncio
import os
import signal
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP

folder = Path(sys.argv[1])


class Keeps:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if (folder / "busy").exists():
            return f"451 4.7.1 <{address}> has to wait"
        if (folder / "gone").exists():
            return f"550 5.1.1 <{address}> is nobody here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        number = len(list(folder.glob("*.eml"))) + 1
        part = folder / f"{number}.part"
        part.write_bytes(f"X-To: {','.join(envelope.rcpt_tos)}\r\n".encode() + envelope.original_content)
        part.rename(folder / f"{number}.eml")
        kill = folder / "kill"
        if kill.exists():
            pid = int(kill.read_text())
            kill.unlink()
            os.kill(pid, signal.SIGKILL)
        return "250 OK"


async def main():
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(Keeps(), enable_SMTPUTF8=True), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    # Connections that are open are nobody's any more.
    os._exit(0)


asyncio.run(main())
