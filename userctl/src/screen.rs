// SPDX-License-Identifier: GPL-2.0
//! Where output goes: whether it takes colour, and columns that line up.

use std::fmt::Display;
use std::io::{self, BufWriter, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::Style;
use comfy_table::{presets, CellAlignment, Row, Table};

/// Headings.
pub(crate) const HEADING: Style = Style::new().bold();

/// Standard output, or in tests memory.
pub(crate) struct Screen {
    writer: Box<dyn Write>,
    colour: bool,
}

impl Screen {
    /// Standard output, in colour if it is a terminal that wants it (`NO_COLOR`, `CLICOLOR_FORCE`).
    pub(crate) fn stdout() -> Self {
        let stdout = io::stdout();
        let colour = AutoStream::choice(&stdout) != ColorChoice::Never;
        Self {
            writer: Box::new(BufWriter::new(stdout.lock())),
            colour,
        }
    }

    /// Anything else, without colour.
    #[cfg(test)]
    pub(crate) fn plain(writer: impl Write + 'static) -> Self {
        Self {
            writer: Box::new(writer),
            colour: false,
        }
    }

    /// Writes a heading on a line of its own.
    pub(crate) fn heading(&mut self, text: impl Display) -> io::Result<()> {
        if self.colour {
            writeln!(self, "{HEADING}{text}{HEADING:#}")
        } else {
            writeln!(self, "{text}")
        }
    }

    /// Writes rows in columns, two blanks apart, no blanks at the end of a line.
    pub(crate) fn table(&mut self, columns: &[Column], rows: Vec<Vec<String>>) -> io::Result<()> {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        if columns.iter().any(|column| !column.title.is_empty()) {
            table.set_header(columns.iter().map(|column| column.title));
        }
        table.add_rows(rows.into_iter().map(Row::from));
        for (column, description) in table.column_iter_mut().zip(columns) {
            column.set_padding((0, 2));
            column.set_cell_alignment(description.alignment);
        }
        let text = table.to_string();
        let mut lines = text.lines().map(str::trim_end);
        if columns.iter().any(|column| !column.title.is_empty()) {
            if let Some(titles) = lines.next() {
                self.heading(titles)?;
            }
        }
        for line in lines {
            writeln!(self, "{line}")?;
        }
        Ok(())
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    title: &'static str,
    alignment: CellAlignment,
}

impl Column {
    /// Of text.
    pub(crate) const fn text(title: &'static str) -> Self {
        Self {
            title,
            alignment: CellAlignment::Left,
        }
    }

    /// Of numbers.
    pub(crate) const fn number(title: &'static str) -> Self {
        Self {
            title,
            alignment: CellAlignment::Right,
        }
    }
}

/// Whether messages on standard error are to be in colour.
pub(crate) fn colour_on_stderr() -> bool {
    AutoStream::choice(&io::stderr()) != ColorChoice::Never
}

/// `1 rule`, `2 rules`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    #[test]
    fn columns_line_up_and_no_line_ends_in_blanks() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut screen = Screen::plain(File::create(file.path()).unwrap());
        let columns = [
            Column::number("N"),
            Column::text("NAME"),
            Column::text("WHAT"),
        ];
        let rows = [["1", "a", "x y"], ["100", "bcdefg", ""], ["7", "ä", "z"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec()).to_vec();
        screen.table(&columns, rows).unwrap();
        assert_eq!(
            fs::read_to_string(file.path()).unwrap(),
            "  N  NAME    WHAT\n  1  a       x y\n100  bcdefg\n  7  ä       z\n"
        );
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(counted(1, "rule"), "1 rule");
        assert_eq!(counted(0, "rule"), "0 rules");
    }
}
