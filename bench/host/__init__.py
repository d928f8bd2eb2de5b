"""The program on a board's host: plays one board's part of a run over several hosts, and sends what it proves.

Only its messages are meant for other packages; the program is started as ``python -m bench.host --stdio``.
"""

from bench.host.messages import PROTOCOL, Message, Request, encode, parse_message, parse_request

__all__ = ["PROTOCOL", "Message", "Request", "encode", "parse_message", "parse_request"]
