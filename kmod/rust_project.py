#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Adds what the kernel's `make rust-analyzer` does not know to rust-project.json.

The kernel's script finds the driver, but not the crates that it is linked with: ferrule_uapi
and ferrule_engine, whose sources lie elsewhere.
"""

import json
import pathlib

FOLDER = pathlib.Path(__file__).resolve().parent
PROJECT = FOLDER / "rust-project.json"
KERNEL_CRATES = ["core", "zerocopy", "zerocopy_derive"]


def main() -> None:
    project = json.loads(PROJECT.read_text())
    crates = project["crates"]
    index = {crate["display_name"]: number for number, crate in enumerate(crates)}
    driver = crates[index["ferrule_main"]]

    def add(name: str, root: pathlib.Path, needs: list[str]) -> None:
        index[name] = len(crates)
        deps = [{"crate": index[need], "name": need} for need in needs]
        crates.append({**driver, "display_name": name, "root_module": str(root), "deps": deps})
        driver["deps"].append({"crate": index[name], "name": name})

    add("ferrule_uapi", FOLDER.parent / "uapi/src/lib.rs", KERNEL_CRATES)
    add("ferrule_engine", FOLDER / "engine/src/lib.rs", KERNEL_CRATES + ["ferrule_uapi"])
    PROJECT.write_text(json.dumps(project, indent=4, sort_keys=True))


main()
