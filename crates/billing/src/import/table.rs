//! Reading a CSV file row by row, within limits.

use std::{
    cell::Cell as Counter,
    collections::HashMap,
    fmt,
    io::{self, BufRead, BufReader, Read},
    path::PathBuf,
    rc::Rc,
    sync::Arc,
};

use csv::StringRecord;
use kernel::{Error, Result};

use super::{
    field::{Cell, Field},
    finding::Fault,
};

/// The most rows of one file.
pub const MAX_ROWS: u64 = 1_000_000;
/// The most bytes of one file.
pub const MAX_FILE: u64 = 2 << 30;
/// The most bytes of one row.
pub const MAX_ROW: usize = 256 << 10;
/// The most columns.
pub const MAX_COLUMNS: usize = 1_000;

/// A file to import from, opened anew each time it is read through.
#[derive(Clone)]
pub struct File {
    /// What it is called in reports.
    pub name: String,
    open: Arc<dyn Fn() -> io::Result<Box<dyn Read>> + Send + Sync>,
}

impl File {
    /// A file on the disk, called by its last name.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Self { name, open: Arc::new(move || Ok(Box::new(std::fs::File::open(&path)?))) }
    }

    /// A file in memory.
    pub fn of(name: impl Into<String>, content: impl Into<Arc<[u8]>>) -> Self {
        let content: Arc<[u8]> = content.into();
        let open = move || Ok(Box::new(io::Cursor::new(Arc::clone(&content))) as Box<dyn Read>);
        Self { name: name.into(), open: Arc::new(open) }
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("File").field(&self.name).finish()
    }
}

/// A file being read.
pub(super) struct Table {
    name: String,
    heading: Heading,
    csv: csv::Reader<Limited>,
    /// Bytes that may still be read before the row must end.
    room: Rc<Counter<usize>>,
    rows: u64,
}

/// The names of a file's columns and where they stand.
pub(super) struct Heading {
    pub(super) names: Vec<String>,
    places: HashMap<String, usize>,
    twice: Vec<String>,
}

/// A row with its line in the file; the heading is line 1.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) line: u64,
    cells: StringRecord,
}

impl Row {
    /// Its size in memory, nearly.
    pub(super) fn size(&self) -> usize {
        self.cells.as_slice().len() + self.cells.len() * size_of::<usize>() + 128
    }
}

impl Table {
    /// Open a file and read its heading. Errors: `file_unreadable`, `file_too_long`.
    pub(super) fn open(file: &File) -> Result<Self> {
        let unreadable = |error: &dyn fmt::Display| cannot_read(&file.name, error);
        let mut input = BufReader::with_capacity(BUFFER, (file.open)().map_err(|error| unreadable(&error))?);
        let separator = separator(input.fill_buf().map_err(|error| unreadable(&error))?)
            .map_err(|why| unreadable(&why))?;
        let room = Rc::new(Counter::new(MAX_ROW + BUFFER));
        let input = Limited { input: Box::new(input), room: Rc::clone(&room), left: MAX_FILE };
        let mut csv = csv::ReaderBuilder::new()
            .flexible(true)
            .trim(csv::Trim::All)
            .delimiter(separator)
            .buffer_capacity(BUFFER)
            .from_reader(input);
        let names: Vec<String> = csv
            .headers()
            .map_err(|error| unreadable(&error))?
            .iter()
            .map(|name| name.trim().to_owned())
            .collect();
        if names.len() > MAX_COLUMNS {
            return Err(unreadable(&format!("it has more than {MAX_COLUMNS} columns")));
        }
        Ok(Self { name: file.name.clone(), heading: Heading::new(names), csv, room, rows: 0 })
    }

    pub(super) fn into_heading(self) -> Heading {
        self.heading
    }

    /// The next row, or why it is none; nothing at the end.
    ///
    /// Errors: `file_unreadable`, `file_too_long`.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Result<Row, Fault>)>> {
        self.room.set(MAX_ROW + BUFFER);
        let mut cells = StringRecord::new();
        let read = self.csv.read_record(&mut cells);
        let line = self.csv.position().line();
        let row = match read {
            Ok(false) => return Ok(None),
            Ok(true) => {
                let line = cells.position().map_or(line, csv::Position::line);
                (line, self.whole(Row { line, cells }))
            }
            Err(error) => match error.kind() {
                csv::ErrorKind::Utf8 { pos, .. } => {
                    let line = pos.as_ref().map_or(line, csv::Position::line);
                    (line, Err(Fault::new(None, "", "this row is not UTF-8")))
                }
                _ => return Err(cannot_read(&self.name, &error)),
            },
        };
        self.rows += 1;
        if self.rows > MAX_ROWS {
            let detail = format!("{} has more than {MAX_ROWS} rows. Split it.", self.name);
            return Err(Error::invalid("file_too_long", detail));
        }
        Ok(Some(row))
    }

    /// A row of as many cells as the heading has: otherwise a cell was cut off or a separator is not quoted.
    fn whole(&self, row: Row) -> Result<Row, Fault> {
        let (cells, columns) = (row.cells.len(), self.heading.names.len());
        if cells == columns {
            return Ok(row);
        }
        let hint = if cells > columns { "is a separator not quoted?" } else { "is it cut off?" };
        let reason = format!("this row has {cells} cells and the heading {columns}; {hint}");
        Err(Fault::new(None, row.cells.get(0).unwrap_or(""), &reason))
    }
}

fn cannot_read(name: &str, why: &dyn fmt::Display) -> Error {
    Error::invalid("file_unreadable", format!("{name} cannot be read: {why}."))
}

impl Heading {
    fn new(names: Vec<String>) -> Self {
        let mut places = HashMap::with_capacity(names.len());
        let mut twice = Vec::new();
        for (place, name) in names.iter().enumerate() {
            if places.insert(name.clone(), place).is_some() {
                twice.push(name.clone());
            }
        }
        Self { names, places, twice }
    }

    /// Those of the columns that are not there, or there more than once.
    pub(super) fn lacks<'n>(&self, columns: &[&'n str]) -> Vec<&'n str> {
        let there = |name: &str| self.places.contains_key(name) && !self.twice.iter().any(|two| two == name);
        columns.iter().copied().filter(|name| !there(name)).collect()
    }

    /// What a field says in a row.
    pub(super) fn read<'r>(&'r self, row: &'r Row, field: &'r Field) -> Option<Cell<'r>> {
        field.read(&|name| row.cells.get(*self.places.get(name)?))
    }

    /// What an optional field says in a row.
    pub(super) fn read_option<'r>(&'r self, row: &'r Row, field: &'r Option<Field>) -> Option<Cell<'r>> {
        self.read(row, field.as_ref()?)
    }

    /// What stands in a column.
    pub(super) fn text<'r>(&self, row: &'r Row, column: &str) -> &'r str {
        self.places.get(column).and_then(|place| row.cells.get(*place)).unwrap_or("")
    }
}

/// Comma, semicolon or tab: whichever the heading has most of.
fn separator(start: &[u8]) -> Result<u8, &'static str> {
    if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
        return Err("it is UTF-16; save it as CSV in UTF-8");
    }
    if start.starts_with(b"PK\x03\x04") {
        return Err("it is a spreadsheet or an archive; save the table as CSV");
    }
    let heading = start.split(|byte| *byte == b'\n').next().unwrap_or(start);
    let count = |separator: u8| heading.iter().filter(|byte| **byte == separator).count();
    let best = [b',', b';', b'\t'].into_iter().rev().max_by_key(|separator| count(*separator));
    Ok(best.unwrap_or(b','))
}

const BUFFER: usize = 64 << 10;

/// Ends a row that does not end: a quote left open would read the whole file into memory.
struct Limited {
    input: Box<dyn Read>,
    room: Rc<Counter<usize>>,
    left: u64,
}

impl Read for Limited {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(into)?;
        let full = |what: String| Err(io::Error::other(what));
        self.left = match self.left.checked_sub(count as u64) {
            Some(left) => left,
            None => return full(format!("it is larger than {} GiB", MAX_FILE >> 30)),
        };
        match self.room.get().checked_sub(count) {
            Some(room) => self.room.set(room),
            None => {
                return full(format!("a row is longer than {} KiB; is a quote left open?", MAX_ROW >> 10));
            }
        }
        Ok(count)
    }
}
