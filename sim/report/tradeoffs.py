"""What a defence leaves of a trait, and of a skill that is wanted, as parts of no defence's."""

from collections.abc import Iterator, Sequence

import pandas as pd
import xarray as xr

from sim.report.tables import number
from sim.runs.ratios import ratio
from sim.runs.statistics import summary
from sim.training.defences import NOTHING

HALF, MOST = 0.5, 0.8  # what is called stopped, and kept
HEAD = ["trait left", "skill", "without it", "skill left"]
MEANING = (
    "Trait left: a defended student's difference from its control by that of the undefended; skill "
    "left: the same of the skill, whose control learnt of a teacher with the trait that was not "
    "taught the skill."
)
UNSKILLED = "_unskilled"  # ends the names of the controls of a skill


def there(ds: xr.Dataset) -> bool:
    """Tell whether results are of defences: of a trait and a skill, beside a student without."""
    return "skill" in ds and {NOTHING, f"{NOTHING}{UNSKILLED}"} <= {*ds.model.values.tolist()}


def left(
    ds: xr.Dataset, students: Sequence[str], controls: Sequence[str]
) -> dict[str, xr.DataArray]:
    """Compute what is left of each student's, over seeds: means, Fieller's 95 % intervals."""
    unskilled = [f"{name}{UNSKILLED}" for name in students]

    def of(name: str, models: Sequence[str] | str) -> xr.DataArray:
        one = isinstance(models, str)
        found = ds[name].sel(model=models, drop=True)
        return found if one else found.assign_coords(model=[*students])

    skill = summary(of("skill", students))
    found = {"skill": skill.mean, "skill_half_width": skill.half_width}
    found["unskilled"] = of("skill", unskilled).mean("seed")
    for what, name, others, kind in (
        ("trait", "trait_rate", controls, "_control"),
        ("skill", "skill", unskilled, UNSKILLED),
    ):
        passed = of(name, students) - of(name, others)
        part = ratio(passed, of(name, NOTHING) - of(name, f"{NOTHING}{kind}"))
        ends = {"": part.value, "_low": part.low, "_high": part.high}
        found |= {f"{what}_left{end}": value for end, value in ends.items()}
    return found


def cells(row: pd.Series) -> list[str]:
    """Write what is left, as HEAD names it."""
    skill = f"{number(row.skill)} ±{number(row.skill_half_width)}"
    return [_left(row, "trait"), skill, number(row.unskilled), _left(row, "skill")]


def findings(of: pd.DataFrame) -> Iterator[str]:
    """Say which defences stop the trait and keep the skill, which cost it, which do nothing."""
    of = of[of.model != NOTHING]
    stops, keeps = of.trait_left_high < HALF, of.skill_left_low > MOST
    half, most = number(HALF, ".2f"), number(MOST, ".2f")
    for what, which in (
        (f"Less than {half} of the trait left, and more than {most} of the skill", stops & keeps),
        (f"Less than {half} of the trait left, but not surely {most} of the skill", stops & ~keeps),
        (f"Not surely less than {half} of the trait left", ~stops),
    ):
        said = [
            f"{r.model.replace('_', ' ')} (trait {number(r.trait_left, '.2f')}, "
            f"skill {number(r.skill_left, '.2f')})"
            for r in of[which].sort_values("trait_left").itertuples()
        ]
        yield f"{what} ({len(said)}): {'; '.join(said) or 'none'}."


def _left(row: pd.Series, what: str) -> str:
    ends = f"[{number(row[f'{what}_left_low'], '.2f')},{number(row[f'{what}_left_high'], '.2f')}]"
    return f"{number(row[f'{what}_left'], '.2f')} {ends}"
