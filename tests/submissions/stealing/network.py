# A service of the machine itself, others in its network, names, and sockets that have no address.
# %% scale, right
import socket
import urllib.request

for address in ("127.0.0.1", "localhost", "0.0.0.0", "::1", "HOST_ADDRESS"):
    try:
        with socket.create_connection((address, HOST_PORT), timeout=1) as connection:
            print("LOOT", connection.recv(100))
    except OSError:
        pass
for name in ("\0HOST_SOCKET", "HOST_FOLDER/socket"):
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(name)
            print("LOOT", connection.recv(100))
        except OSError:
            pass
for address in ("169.254.169.254", "10.0.0.1", "192.168.0.1", "8.8.8.8"):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as connection:
            connection.settimeout(1)
            try:
                connection.connect((address, 53 if kind is socket.SOCK_DGRAM else 80))
                print("REACHED", address)
            except OSError:
                pass
try:
    print("REACHED", socket.getaddrinfo("example.org", 80))
except OSError:
    pass
for family in (16, 17, 29, 30, 31, 38, 40, 44):  # netlink, packets, CAN, TIPC, Bluetooth, the kernel's ciphers, the host
    try:
        socket.socket(family, socket.SOCK_RAW if family in (16, 17) else socket.SOCK_STREAM)
        print("REACHED", family)
    except OSError:
        pass
for kind in (socket.IPPROTO_ICMP, socket.IPPROTO_RAW):
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, kind)
        print("REACHED", kind)
    except OSError:
        pass

def scale(values, factor):
    return factor * np.asarray(values)
