"""What plots draw, without their files."""
import pytest

from jgan.report import figure


@pytest.fixture
def pages(monkeypatch):
  """Figures in place of files."""
  drawn = []
  monkeypatch.setattr(figure, 'save', lambda path, page: drawn.append(page))
  return drawn
