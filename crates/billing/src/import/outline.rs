//! Which column was taken for what, with the first values: what a person looks at before importing.

use kernel::Result;

use super::{
    mapping::Mapping,
    parts::{Kind, parts},
    source::{Source, recognise},
    table::{File, Table},
};

/// Rows looked at for values.
const SAMPLES: usize = 3;

/// A part of the mapping and the files that hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// `customer`, `subscription`, `change` or `addon`.
    pub part: &'static str,
    /// The files, by name; none: what it tells is there already.
    pub files: Vec<String>,
    /// Its fields.
    pub fields: Vec<Mapped>,
}

/// A field and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// Our word for it.
    pub field: String,
    /// The column, or what is made of several.
    pub column: String,
    /// What the first rows say; empty where they say nothing.
    pub samples: Vec<String>,
}

/// Which column was taken for what. Errors: those of reading the files and `column_missing`.
pub fn outline(mapping: &Mapping, files: &[File]) -> Result<Vec<Outline>> {
    let sources = recognise(mapping, files, false)?;
    let mut outlines = Vec::new();
    for part in parts(mapping, false) {
        let holding: Vec<&Source> = sources.iter().filter(|source| source.holds(part.kind)).collect();
        let mut fields: Vec<Mapped> = part
            .fields
            .iter()
            .map(|(name, field)| Mapped {
                field: name.clone(),
                column: field.to_string(),
                samples: Vec::new(),
            })
            .collect();
        if let Some(source) = holding.first() {
            let mut table = Table::open(&source.file)?;
            for _ in 0..SAMPLES {
                let Some((_, row)) = table.next()? else { break };
                let Ok(row) = row else { continue };
                for (mapped, (_, field)) in fields.iter_mut().zip(&part.fields) {
                    let text = source.line(&row).cell(field).map(|cell| cell.text.into_owned());
                    mapped.samples.push(text.unwrap_or_default());
                }
            }
        }
        let files = holding.iter().map(|source| source.file.name.clone()).collect();
        outlines.push(Outline { part: Kind::word(part.kind), files, fields });
    }
    Ok(outlines)
}
