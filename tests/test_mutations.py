"""Faults that are planted by hand (`faults.py`) can be planted still."""

import pytest

from tests.faults import FAULTS, ROOT


@pytest.mark.parametrize("file", sorted({fault.file for fault in FAULTS}))
def test_every_fault_has_its_place(file):
    for fault in FAULTS:
        if fault.file == file:
            fault.planted()  # which says what is wrong


def test_every_fault_has_its_tests_and_is_another():
    for fault in FAULTS:
        for node in fault.nodes:
            path, _, name = node.partition("::")
            assert f"def {name}(" in (ROOT / path).read_text() if name else (ROOT / path).is_file()
    assert len({fault[:3] for fault in FAULTS}) == len(FAULTS) >= 100
