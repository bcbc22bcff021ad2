"""The server of a page: this machine alone, two addresses."""
import http.client
import json
import threading

import pytest

from jgan.errors import UserError
from jgan.report.page import serve


@pytest.fixture
def address():
  server = serve.server(0, lambda: 'page \N{GREEK SMALL LETTER BETA}',
                        lambda known: sorted(known))
  thread = threading.Thread(target=server.serve_forever, args=(.02,))
  thread.start()
  yield server.server_address
  server.shutdown()
  thread.join()
  server.server_close()


def get(address, path, host='127.0.0.1:1'):
  connection = http.client.HTTPConnection(*address, timeout=10)
  connection.request('GET', path, headers={'Host': host})
  response = connection.getresponse()
  body = response.read().decode()
  connection.close()
  return response.status, body


def test_it_answers_with_the_page_and_with_what_changed(address):
  assert address[0] == '127.0.0.1'
  assert get(address, '/') == (200, 'page \N{GREEK SMALL LETTER BETA}')
  status, body = get(address, '/changes.json?known=b,a')
  assert status == 200 and json.loads(body) == ['a', 'b']


def test_other_addresses_and_other_hosts_are_refused(address):
  assert get(address, '/../etc/passwd')[0] == 404
  assert get(address, '/', host='evil.example:80')[0] == 403
  assert get(address, '/', host='localhost:80')[0] == 200


def test_a_port_that_is_in_use_is_said(address):
  with pytest.raises(UserError, match=f'--port={address[1]} cannot be used'):
    serve.server(address[1], None, None)
  with pytest.raises(UserError, match='--port=0 for any that is free'):
    serve.server(70000, None, None)
