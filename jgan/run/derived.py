"""The genotypes that a search is at: RUN/genotypes/STEP.json."""
import jax

from jgan import genotype
from jgan.run import parallel


def write(search, folder, step, state, scores):
  """Writes the genotype of a search, if its state has one.

  Args:
    search: Search of the method, or None.
    folder: the workdir, a Path.
    step: of the state.
    state: GanState.
    scores: {step: {label: value}}, for a genotype without its own.
  """
  derived = search and search.derive and search.derive(
      jax.device_get(parallel.local(state)))
  if derived:
    told = [derived['origin']] if 'origin' in derived else [
        f'{label} {value:.6g}' for label, value in scores.get(step, {}).items()]
    derived['origin'] = ', '.join([f'{folder.name}, step {step}', *told])
    genotype.save(folder / 'genotypes' / f'{step:08d}.json', derived)
