//! Reads the rows of a table in an `SQLite` database without locking or writing.
//!
//! Supports ordinary tables in UTF-8, with a write-ahead log
//! (<https://www.sqlite.org/fileformat2.html>). Anything else, and any damage, is [`Malformed`].

mod log;
mod schema;

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};

use zeroize::Zeroizing;

use crate::secret::SecretValue;

const MAGIC: &[u8] = b"SQLite format 3\0";
const FILE_HEADER: usize = 100;
/// Limits for one table, so that reading a damaged file ends soon.
const MAX_PAGES: usize = 10_000;
const MAX_ROWS: usize = 10_000;
const MAX_PAYLOAD: usize = 2 * 1024 * 1024;

/// The file is not a database, is damaged, or uses an unsupported feature.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

type Result<T> = std::result::Result<T, Malformed>;

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Integer(i64),
    Text(SecretValue),
    /// NULL, or an unsupported type.
    Other,
}

/// A row, by column name.
pub(crate) type Row = HashMap<String, Value>;

/// A database and its write-ahead log.
pub(crate) struct Database<R> {
    file: R,
    log: Option<R>,
    /// For each page in the log, the offset of its latest committed version.
    logged: HashMap<u32, u64>,
    page_size: usize,
    /// Number of usable bytes per page.
    usable: usize,
}

impl<R: Read + Seek> Database<R> {
    pub(crate) fn open(mut file: R, mut log: Option<R>) -> Result<Self> {
        let logged = log.as_mut().and_then(log::committed_pages);
        let mut header = [0; FILE_HEADER];
        let (page_size, logged) = match logged {
            Some((page_size, logged)) if !logged.is_empty() => (page_size, logged),
            _ => {
                read_at(&mut file, 0, &mut header)?;
                let size = u16::from_be_bytes([header[16], header[17]]);
                let size = if size == 1 { 65_536 } else { usize::from(size) };
                (size, HashMap::new())
            }
        };
        if !(512..=65_536).contains(&page_size) {
            return Err(Malformed);
        }
        let mut database = Self {
            file,
            log,
            logged,
            page_size,
            usable: page_size,
        };
        let first = database.page(1)?;
        let reserved = usize::from(*first.get(20).ok_or(Malformed)?);
        let encoding = number(&first, 56, 4)?;
        if !first.starts_with(MAGIC) || reserved > page_size - 480 || encoding > 1 {
            return Err(Malformed);
        }
        database.usable = page_size - reserved;
        Ok(database)
    }

    /// Reads the rows of a table; `None` if it does not exist.
    pub(crate) fn table(&mut self, name: &str) -> Result<Option<Vec<Row>>> {
        // The columns of the schema table: type, name, tbl_name, rootpage, sql.
        let schema = self.rows(1)?;
        let found = schema.into_iter().find_map(|row| match row.as_slice() {
            [
                Value::Text(kind),
                Value::Text(table),
                _,
                Value::Integer(root),
                Value::Text(sql),
                ..,
            ] if kind.expose_secret() == "table" && table.expose_secret() == name => {
                Some((*root, schema::column_names(sql.expose_secret())))
            }
            _ => None,
        });
        let Some((root, columns)) = found else {
            return Ok(None);
        };
        let rows = self.rows(u32::try_from(root).map_err(|_| Malformed)?)?;
        let named = |row: Vec<Value>| columns.iter().cloned().zip(row).collect();
        Ok(Some(rows.into_iter().map(named).collect()))
    }

    /// Reads the values of every row below a root page.
    fn rows(&mut self, root: u32) -> Result<Vec<Vec<Value>>> {
        let mut rows = Vec::new();
        let mut pending = vec![root];
        let mut visited = 0;
        while let Some(number_of_page) = pending.pop() {
            visited += 1;
            if visited > MAX_PAGES || rows.len() > MAX_ROWS {
                return Err(Malformed);
            }
            let page = self.page(number_of_page)?;
            let start = if number_of_page == 1 { FILE_HEADER } else { 0 };
            let cells = number(&page, start + 3, 2)?;
            let is_leaf = match page.get(start) {
                Some(0x0d) => true,
                Some(0x05) => false,
                _ => return Err(Malformed),
            };
            let pointers = start + if is_leaf { 8 } else { 12 };
            if !is_leaf {
                pending.push(page_number(&page, start + 8)?);
            }
            for cell in 0..cells {
                let cell = if is_leaf { cell } else { cells - 1 - cell };
                let at = number(&page, pointers + 2 * cell, 2)?;
                if is_leaf {
                    rows.push(self.row(&page, at)?);
                } else {
                    // Pages are pushed in reverse order, because the last one pushed is read first.
                    pending.push(page_number(&page, at)?);
                }
            }
        }
        Ok(rows)
    }

    /// Reads the row whose cell starts at `at` in a leaf page.
    fn row(&mut self, page: &[u8], mut at: usize) -> Result<Vec<Value>> {
        let length = usize::try_from(varint(page, &mut at)?).map_err(|_| Malformed)?;
        let _row_id = varint(page, &mut at)?;
        if length > MAX_PAYLOAD {
            return Err(Malformed);
        }
        let local = self.local_length(length);
        let mut payload = Zeroizing::new(Vec::with_capacity(length));
        payload.extend_from_slice(page.get(at..at + local).ok_or(Malformed)?);
        let mut next = if local < length {
            page_number(page, at + local)?
        } else {
            0
        };
        let mut pages = 0;
        while payload.len() < length {
            pages += 1;
            if next == 0 || pages > MAX_PAGES {
                return Err(Malformed);
            }
            let overflow = self.page(next)?;
            let part = (length - payload.len()).min(self.usable - 4);
            payload.extend_from_slice(overflow.get(4..4 + part).ok_or(Malformed)?);
            next = page_number(&overflow, 0)?;
        }
        record(&payload)
    }

    /// The number of bytes of a payload that are stored in the leaf page itself.
    fn local_length(&self, length: usize) -> usize {
        let maximum = self.usable - 35;
        if length <= maximum {
            return length;
        }
        let minimum = (self.usable - 12) * 32 / 255 - 23;
        let local = minimum + (length - minimum) % (self.usable - 4);
        if local <= maximum { local } else { minimum }
    }

    fn page(&mut self, number_of_page: u32) -> Result<Zeroizing<Vec<u8>>> {
        let mut page = Zeroizing::new(vec![0; self.page_size]);
        if let (Some(offset), Some(log)) = (self.logged.get(&number_of_page), &mut self.log) {
            read_at(log, *offset, &mut page)?;
        } else {
            let index = u64::from(number_of_page.checked_sub(1).ok_or(Malformed)?);
            read_at(&mut self.file, index * self.page_size as u64, &mut page)?;
        }
        Ok(page)
    }
}

fn read_at<R: Read + Seek>(source: &mut R, offset: u64, buffer: &mut [u8]) -> Result<()> {
    source.seek(SeekFrom::Start(offset)).map_err(|_| Malformed)?;
    source.read_exact(buffer).map_err(|_| Malformed)
}

/// Parses the values of a record.
fn record(payload: &[u8]) -> Result<Vec<Value>> {
    let mut at = 0;
    let header = usize::try_from(varint(payload, &mut at)?).map_err(|_| Malformed)?;
    let mut body = header;
    let mut values = Vec::new();
    while at < header {
        let serial = usize::try_from(varint(payload, &mut at)?).map_err(|_| Malformed)?;
        let length = match serial {
            0 | 8 | 9 => 0,
            1..=4 => serial,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return Err(Malformed),
            _ => (serial - 12) / 2,
        };
        let bytes = payload.get(body..body + length).ok_or(Malformed)?;
        body += length;
        values.push(match serial {
            1..=6 => Value::Integer(signed(bytes)),
            8 | 9 => Value::Integer(i64::from(serial == 9)),
            _ if serial >= 13 && serial % 2 == 1 => {
                let text = String::from_utf8_lossy(bytes).into_owned();
                Value::Text(SecretValue::new(text))
            }
            _ => Value::Other,
        });
    }
    Ok(values)
}

/// Reads a big-endian number in two's complement.
fn signed(bytes: &[u8]) -> i64 {
    let start = if bytes.first().is_some_and(|byte| byte & 0x80 != 0) {
        -1
    } else {
        0
    };
    bytes
        .iter()
        .fold(start, |number, byte| (number << 8) | i64::from(*byte))
}

/// Reads a big-endian number of `length` bytes.
fn number(bytes: &[u8], at: usize, length: usize) -> Result<usize> {
    let bytes = bytes.get(at..at + length).ok_or(Malformed)?;
    Ok(bytes
        .iter()
        .fold(0, |number, byte| (number << 8) | usize::from(*byte)))
}

fn page_number(bytes: &[u8], at: usize) -> Result<u32> {
    u32::try_from(number(bytes, at, 4)?).map_err(|_| Malformed)
}

/// Reads a number of one to nine bytes, with seven bits in each of the first eight.
fn varint(bytes: &[u8], at: &mut usize) -> Result<u64> {
    let mut value = 0_u64;
    for index in 0..9 {
        let byte = *bytes.get(*at).ok_or(Malformed)?;
        *at += 1;
        if index == 8 {
            return Ok((value << 8) | u64::from(byte));
        }
        value = (value << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Ok(value)
}

#[cfg(test)]
mod tests;
