"""Builds what looks on while a run trains, from its config.

Probes measure a state, symptoms read the records, sinks take them elsewhere.
None of them changes a training step.
"""
import functools

from jgan import lookup
from jgan.build import arguments_of, bind
from jgan.errors import UserError


def probes(config):
  """{name: (observe, values)} of config.eval.probes, arguments bound."""
  bound = {}
  for name in config.eval.probes:
    module = lookup.find('probes', name)
    knobs = config.eval.knobs.get(name, {})
    bound[name] = functools.partial(module.observe, **knobs), module.values
  return bound


def symptoms(config):
  """{name: History -> Finding or None} of the symptoms that are looked for."""
  doctor = config.doctor
  return {name: functools.partial(lookup.find('doctor', name).examine,
                                  **doctor.knobs.get(name, {}))
          for name in lookup.names('doctor') if name not in doctor.without}


def sinks(config):
  """Functions Run -> Sink, of run/sinks, in the config's order."""
  return [bind(lookup.find('run.sinks', section.name).make,
                arguments_of(section)) for section in config.log.sinks]


def check_sinks(config):
  """Refuses sinks that cannot be made, before a run begins.

  Raises:
    UserError: a name is repeated, or what a sink needs is not there.
  """
  names = [section.name for section in config.log.sinks]
  for section in config.log.sinks:
    if names.count(section.name) > 1:
      raise UserError(f"config.log.sinks has '{section.name}' twice: once "
                      'would be right')
    module = lookup.find('run.sinks', section.name)
    if hasattr(module, 'check'):
      bind(module.check, arguments_of(section))()
