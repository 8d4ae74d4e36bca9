"""Imports every module of the two generated packages and makes calls with them."""

import importlib
import pkgutil
import sys

import ostiary_security_api_client as security
import ostiary_users_api_client as users
from ostiary_security_api_client.api.authentication import introspect, key_set, login, verify
from ostiary_security_api_client.models import IntrospectRequest, LoginRequest
from ostiary_users_api_client.api.sessions import login as users_login
from ostiary_users_api_client.models import Login

for package in (security, users):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)

root, name, password = sys.argv[1:]
client = security.Client(base_url=root + "/api/v1/security")
signed = login.sync(client=client, body=LoginRequest(username=name, password=password))
signed_in = security.AuthenticatedClient(base_url=root + "/api/v1/security", token=signed.access_token)
verified = verify.sync(client=signed_in)
introspected = introspect.sync(client=signed_in, body=IntrospectRequest(token=signed.access_token))
keys = key_set.sync(client=client)
logged = users_login.sync(client=users.Client(base_url=root + "/api/users"), body=Login(username=name, password=password))
print(verified.username, str(introspected.active).lower(), str(len(keys.keys) > 0).lower(), logged.role)
