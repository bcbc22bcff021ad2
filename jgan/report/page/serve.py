"""A server of a page on this machine, for as long as it changes."""
import http.server
import json
import logging
import sys
import urllib.parse

from jgan.errors import UserError

log = logging.getLogger(__name__)

_HOSTS = 'localhost', '127.0.0.1'


def server(port, page, changes):
  """A server of two addresses, / and /changes.json, bound to 127.0.0.1.

  It is begun by serve_forever() and ended by shutdown(). Requests that name
  another host are refused: a page from elsewhere, whose name was made to mean
  this machine, could read it otherwise.

  Args:
    port: to listen at; 0: any that is free.
    page: () -> HTML.
    changes: (marks that the page has) -> JSON types.

  Raises:
    UserError: the port cannot be used.
  """
  class Handler(_Handler):
    pass

  Handler.page, Handler.changes = staticmethod(page), staticmethod(changes)
  try:
    return _Server(('127.0.0.1', port), Handler)
  except (OSError, OverflowError) as error:
    raise UserError(f'--port={port} cannot be used: {error}. Another one, or '
                    '--port=0 for any that is free, would be right') from error


class _Server(http.server.ThreadingHTTPServer):
  daemon_threads = True

  def handle_error(self, request, client_address):
    """Says in one line what failed; a reader that went away is nothing."""
    error = sys.exception()
    if not isinstance(error, ConnectionError):
      log.warning('a request was not answered: %s: %s',
                  type(error).__name__, error)


class _Handler(http.server.BaseHTTPRequestHandler):
  page = changes = None

  def do_GET(self):
    """Answers one request."""
    host = self.headers.get('Host', '').rpartition(':')[0]
    address = urllib.parse.urlsplit(self.path)
    if host not in _HOSTS:
      self.send_error(403, 'not this host')
    elif address.path == '/':
      self._send('text/html; charset=utf-8', self.page())
    elif address.path == '/changes.json':
      known = urllib.parse.parse_qs(address.query).get('known', [''])[0]
      self._send('application/json', json.dumps(self.changes(
          {*known.split(',')})))
    else:
      self.send_error(404)

  def _send(self, kind, text):
    body = text.encode()
    self.send_response(200)
    self.send_header('Content-Type', kind)
    self.send_header('Content-Length', str(len(body)))
    self.send_header('Cache-Control', 'no-store')
    self.send_header('X-Content-Type-Options', 'nosniff')
    self.end_headers()
    self.wfile.write(body)

  def log_message(self, format, *arguments):
    """Requests are not worth a line."""
