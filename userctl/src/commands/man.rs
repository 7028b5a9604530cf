// SPDX-License-Identifier: GPL-2.0
//! `userctl man`: the manual pages, made of the definitions that `--help` prints.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::cli::{Cli, ManArgs};
use crate::failure::Failure;
use crate::screen::Screen;

/// Prints userctl(1), or writes it and a page for each command into a directory.
pub(super) fn run(args: &ManArgs, screen: &mut Screen) -> Result<(), Failure> {
    let command = Cli::command();
    match &args.out {
        None => Ok(page(command).render(screen)?),
        Some(directory) => write_all(command, directory),
    }
}

/// A page, with the heading that manual pages of administrators' tools have.
fn page(command: Command) -> Man {
    Man::new(command).manual("Ferrule")
}

/// Writes one page for the program and one for each command.
fn write_all(mut command: Command, directory: &Path) -> Result<(), Failure> {
    command.build();
    let failed = |path: &Path, source| Failure::File {
        path: path.to_owned(),
        source,
    };
    fs::create_dir_all(directory).map_err(|source| failed(directory, source))?;
    let pages = command
        .get_subcommands()
        .map(|sub| (format!("userctl-{}", sub.get_name()), sub.clone()))
        .collect::<Vec<_>>();
    for (name, command) in std::iter::once(("userctl".to_owned(), command)).chain(pages) {
        let path = directory.join(format!("{name}.1"));
        write_page(command.clone().display_name(name), &path)
            .map_err(|source| failed(&path, source))?;
    }
    Ok(())
}

/// Writes one page.
fn write_page(command: Command, path: &Path) -> io::Result<()> {
    page(command).render(&mut File::create(path)?)
}
