use std::io::Cursor;

use proptest::prelude::*;

use super::*;

/// Made with Python's `sqlite3`: a WAL database of 512-byte pages with 40 rows in `credential`
/// (several pages, and one value that overflows), of which rows 30 to 39 are only in the log.
const FILE: &[u8] = include_bytes!("sample.db");
const LOG: &[u8] = include_bytes!("sample.db-wal");

fn rows(file: &[u8], log: Option<&[u8]>) -> Result<Option<Vec<Row>>> {
    Database::open(Cursor::new(file), log.map(Cursor::new))?.table("credential")
}

fn text(value: &Value) -> &str {
    match value {
        Value::Text(text) => text.expose_secret(),
        _ => panic!("not text"),
    }
}

#[test]
fn rows_of_the_file_and_of_the_log_are_read() {
    let all = rows(FILE, Some(LOG)).unwrap().unwrap();
    assert_eq!(all.len(), 40);
    for (row, active) in all.iter().zip(-20..) {
        let index = usize::try_from(active + 20).unwrap();
        assert_eq!(text(&row["id"]), format!("id{index}"));
        assert_eq!(row["active"], Value::Integer(active));
        let expected = if index == 7 { 3000 } else { index };
        assert_eq!(text(&row["value"]), "x".repeat(expected));
        assert_eq!(row["method_id"], Value::Other);
    }
    assert_eq!(rows(FILE, None).unwrap().unwrap().len(), 30, "without the log");
    assert_eq!(rows(FILE, Some(b"")).unwrap().unwrap().len(), 30);
}

/// `SQLite` ignores a frame with a wrong checksum and all later ones.
#[test]
fn a_damaged_log_ends_where_it_is_damaged() {
    for position in [8, 24, 32, 32 + 24 + 100, LOG.len() - 1] {
        let mut log = LOG.to_vec();
        log[position] ^= 1;
        assert_eq!(rows(FILE, Some(&log)).unwrap().unwrap().len(), 30, "{position}");
    }
}

#[test]
fn a_table_that_is_missing_is_not_an_error() {
    let mut database = Database::open(Cursor::new(FILE), None).unwrap();
    assert_eq!(database.table("account").unwrap(), None);
    assert_eq!(database.table("empty").unwrap(), Some(Vec::new()));
}

#[test]
fn a_file_that_is_not_a_database_is_malformed() {
    for bytes in [&b""[..], b"SQLite format 3\0", &FILE[..600], &[0; 4096]] {
        assert!(rows(bytes, None).is_err());
    }
}

#[test]
fn numbers_of_every_length_are_read() {
    for (bytes, expected) in [(&[0x05][..], 5), (&[0x81, 0x00], 128), (&[0xff; 9], u64::MAX)] {
        assert_eq!(varint(bytes, &mut 0), Ok(expected));
    }
    assert!(varint(&[0x80], &mut 0).is_err());
    assert_eq!(signed(&[0xff]), -1);
    assert_eq!(signed(&[0x01, 0x00]), 256);
}

#[test]
fn columns_are_named_in_order() {
    let sql = "CREATE TABLE `t` (`a b` text, \"c\" integer NOT NULL, [d] numeric(4, 2), CONSTRAINT `f` FOREIGN KEY (`c`))";
    assert_eq!(super::schema::column_names(sql)[1..3], ["c", "d"]);
}

proptest! {
    #[test]
    fn a_damaged_database_does_not_panic(position in 0..FILE.len(), byte in any::<u8>(), in_log in any::<bool>()) {
        let (mut file, mut log) = (FILE.to_vec(), LOG.to_vec());
        let target = if in_log { &mut log } else { &mut file };
        let position = position % target.len();
        target[position] = byte;
        let _ = rows(&file, Some(&log));
        let _ = rows(&file[..position.min(FILE.len())], None);
    }
}
