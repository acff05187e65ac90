# SPDX-License-Identifier: MIT
# An FTP server; its second argument is the port of its passive transfers, here and on the host.
import logging
import os
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

os.makedirs("/srv/ftp", exist_ok=True)
logging.basicConfig(level=logging.INFO)
FTPHandler.authorizer = DummyAuthorizer()
FTPHandler.authorizer.add_anonymous("/srv/ftp", perm="elrw")
FTPHandler.masquerade_address = "127.0.0.1"
FTPHandler.passive_ports = [int(sys.argv[2])]
FTPServer(("", int(sys.argv[1])), FTPHandler).serve_forever()
