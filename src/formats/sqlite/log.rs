//! The write-ahead log: committed pages that are not in the database file yet.

use std::collections::HashMap;
use std::io::{Read, Seek};

use zeroize::Zeroizing;

use super::{number, page_number, read_at};

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// The start of a log; the lowest bit is the byte order of its checksums.
const MAGIC: usize = 0x377f_0682;
/// Limit for one log, so that reading a damaged one ends soon. `SQLite` writes back after 1,000
/// frames.
const MAX_FRAMES: usize = 100_000;

/// Returns the page size and, for each page, the offset of its latest committed version. As in
/// `SQLite`, an unreadable log counts as empty, and a log ends at the first invalid frame.
pub(super) fn committed_pages<R: Read + Seek>(log: &mut R) -> Option<(usize, HashMap<u32, u64>)> {
    let mut header = [0; HEADER];
    read_at(log, 0, &mut header).ok()?;
    let magic = number(&header, 0, 4).ok()?;
    let page_size = number(&header, 8, 4).ok()?;
    if magic & !1 != MAGIC || !page_size.is_power_of_two() || page_size > 65_536 {
        return None;
    }
    let mut checksum = Checksum {
        is_big_endian: magic & 1 == 1,
        sums: (0, 0),
    };
    checksum.add(&header[..24]);
    if !checksum.matches(&header[24..]) {
        return None;
    }
    let mut committed = HashMap::new();
    let mut pending = Vec::new();
    let mut frame = Zeroizing::new(vec![0; FRAME_HEADER + page_size]);
    for index in 0..MAX_FRAMES {
        let offset = (HEADER + index * frame.len()) as u64;
        // Frames from before the last reset have another salt.
        if read_at(log, offset, &mut frame).is_err() || frame[8..16] != header[16..24] {
            break;
        }
        checksum.add(&frame[..8]);
        checksum.add(&frame[FRAME_HEADER..]);
        if !checksum.matches(&frame[16..FRAME_HEADER]) {
            break;
        }
        pending.push((page_number(&frame, 0).ok()?, offset + FRAME_HEADER as u64));
        let commits = number(&frame, 4, 4).ok()? != 0;
        if commits {
            committed.extend(pending.drain(..));
        }
    }
    Some((page_size, committed))
}

/// The running checksum of a log.
struct Checksum {
    is_big_endian: bool,
    sums: (u32, u32),
}

impl Checksum {
    /// Adds bytes; their number must be a multiple of eight.
    fn add(&mut self, bytes: &[u8]) {
        let (pairs, _) = bytes.as_chunks::<8>();
        for [a, b, c, d, e, f, g, h] in pairs {
            let word = |bytes: [u8; 4]| {
                if self.is_big_endian {
                    u32::from_be_bytes(bytes)
                } else {
                    u32::from_le_bytes(bytes)
                }
            };
            let (first, second) = (word([*a, *b, *c, *d]), word([*e, *f, *g, *h]));
            self.sums.0 = self.sums.0.wrapping_add(first).wrapping_add(self.sums.1);
            self.sums.1 = self.sums.1.wrapping_add(second).wrapping_add(self.sums.0);
        }
    }

    fn matches(&self, written: &[u8]) -> bool {
        let (first, second) = self.sums;
        written == [first.to_be_bytes(), second.to_be_bytes()].concat()
    }
}
