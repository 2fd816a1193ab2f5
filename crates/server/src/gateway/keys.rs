//! Whose key is whose: a file the merchant writes, read again when it changes.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use kernel::{Error, Result};

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    /// The customer or subscription, as Steelyard knows it.
    pub(super) subject: String,
    /// What the key is called; events carry it as `key`.
    pub(super) name: String,
}

/// Keys of a file with lines `key,subject,name`; the name may be left out, lines that begin with # are notes.
pub(super) struct Keys {
    file: PathBuf,
    read: Mutex<Read>,
}

struct Read {
    callers: HashMap<String, Caller>,
    written: Written,
    looked: Instant,
}

/// When the file said it was written, and whether that was the first time it said so.
struct Written {
    at: Option<SystemTime>,
    is_new: bool,
}

impl Written {
    /// Whether the file is to be read. Once it has changed it is read at the next look as well: whoever writes it may have
    /// been in the middle, and what was read a part; the rest may carry the same time.
    fn is_to_be_read(&mut self, at: Option<SystemTime>) -> bool {
        let was_new = self.is_new;
        self.is_new = at != self.at;
        self.at = at;
        self.is_new || was_new
    }
}

impl Keys {
    /// Error: `gateway_invalid` when the file cannot be read, or a line is none.
    pub(super) fn open(file: &Path) -> Result<Self> {
        let written = Written { at: changed(file), is_new: true };
        let read = Read { callers: read(file)?, written, looked: Instant::now() };
        Ok(Self { file: file.to_owned(), read: Mutex::new(read) })
    }

    /// Whose key this is. A file that has got a mistake leaves the keys as they were.
    pub(super) fn find(&self, key: &str) -> Option<Caller> {
        let mut known = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if known.looked.elapsed() >= LOOK {
            known.looked = Instant::now();
            if known.written.is_to_be_read(changed(&self.file)) {
                match read(&self.file) {
                    Ok(callers) => known.callers = callers,
                    Err(error) => tracing::error!(%error, "the file of keys has changed and is not heeded"),
                }
            }
        }
        known.callers.get(key).cloned()
    }
}

fn changed(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|about| about.modified()).ok()
}

fn read(file: &Path) -> Result<HashMap<String, Caller>> {
    let text = fs::read_to_string(file).map_err(|error| {
        Error::invalid("gateway_invalid", format!("{} cannot be read: {error}.", file.display()))
    })?;
    parse(&text).map_err(|line| {
        let detail = format!("Line {line} of {} is not key,subject or key,subject,name.", file.display());
        Error::invalid("gateway_invalid", detail)
    })
}

/// The callers by key, or the number of the line that is wrong.
fn parse(text: &str) -> Result<HashMap<String, Caller>, usize> {
    let mut callers = HashMap::new();
    let lines = (1..).zip(text.lines()).map(|(number, line)| (number, line.trim()));
    for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        let mut fields = line.split(',').map(str::trim);
        let (key, subject) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let name = fields.next().unwrap_or_default();
        if key.is_empty() || subject.is_empty() || fields.next().is_some() {
            return Err(number);
        }
        if (key, subject) != ("key", "subject") {
            callers.insert(key.to_owned(), Caller { subject: subject.to_owned(), name: name.to_owned() });
        }
    }
    Ok(callers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_when_it_changed_and_once_more_at_the_look_after() {
        let tick = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        let mut written = Written { at: tick(1), is_new: true };
        let read = [tick(1), tick(1), tick(2), tick(2), tick(2), None, None, None]
            .map(|at| written.is_to_be_read(at));
        assert_eq!(read, [true, false, true, true, false, true, true, false]);
    }

    #[test]
    fn a_file_of_keys_is_read_with_its_mistakes() {
        let callers = parse("key,subject,name\n# ours\nk1, acme , production\n\nk2,beta").unwrap();
        let caller = |subject: &str, name: &str| Caller { subject: subject.into(), name: name.into() };
        assert_eq!(callers["k1"], caller("acme", "production"));
        assert_eq!((callers.len(), &callers["k2"]), (2, &caller("beta", "")));
        assert_eq!(parse("k1,acme\nk2"), Err(2));
        assert_eq!(parse("k1,acme,a,b"), Err(1));
    }
}
