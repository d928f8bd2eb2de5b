"""The firmware's command table: which forms each command has, and what runs them."""

from bench.simulator import sockets
from bench.simulator.at_host import Command
from bench.simulator.slm import options, polling, server, service, traffic

COMMANDS: dict[str, Command] = {
    "#XSOCKET": Command(sockets.open_or_close, sockets.read_socket, sockets.describe_socket),
    "#XSSOCKET": Command(sockets.open_or_close_secure, sockets.read_secure_socket, sockets.describe_secure_socket),
    "#XSOCKETSELECT": Command(sockets.select_socket, sockets.list_sockets, sockets.describe_select),
    "#XSOCKETOPT": Command(options.socket_option, None, options.describe_socket_option),
    "#XSSOCKETOPT": Command(options.secure_option, None, options.describe_secure_option),
    "#XBIND": Command(server.bind),
    "#XLISTEN": Command(server.listen),
    "#XACCEPT": Command(server.accept, server.read_accepted),
    "#XCONNECT": Command(traffic.connect),
    "#XSEND": Command(traffic.send),
    "#XRECV": Command(traffic.receive),
    "#XSENDTO": Command(traffic.send_to),
    "#XRECVFROM": Command(traffic.receive_from),
    "#XPOLL": Command(polling.poll),
    "#XGETADDRINFO": Command(service.resolve_name),
    "#XDATACTRL": Command(service.set_time_limit, service.read_time_limit, service.describe_time_limit),
    "#XSLMVER": Command(service.version),
    "#XCLAC": Command(service.list_commands),
    "#XUUID": Command(service.device_uuid),
    "#XRESET": Command(service.reset),
}
