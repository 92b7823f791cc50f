//! Decodes the encodings in which a server may echo a known value: JSON escapes, percent-encoding,
//! HTML entities, hexadecimal and base64. Every decoded byte has the range of the text that it came
//! from. Text that is not encoded is unchanged.

use zeroize::Zeroizing;

/// Minimum length of a run of hexadecimal or base64 digits, in characters; shorter ones are words.
const MIN_RUN: usize = 6;

/// HTML entity names of U+00A0 to U+00FF, in order.
const LATIN_1: &str = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr \
    deg plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest \
    Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml \
    ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig \
    agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml \
    eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml";

/// HTML entity names of ASCII characters.
const ASCII: [(&str, char); 41] = [
    ("amp", '&'),
    ("AMP", '&'),
    ("lt", '<'),
    ("LT", '<'),
    ("gt", '>'),
    ("GT", '>'),
    ("quot", '"'),
    ("QUOT", '"'),
    ("apos", '\''),
    ("Tab", '\t'),
    ("NewLine", '\n'),
    ("excl", '!'),
    ("num", '#'),
    ("dollar", '$'),
    ("percnt", '%'),
    ("lpar", '('),
    ("rpar", ')'),
    ("ast", '*'),
    ("midast", '*'),
    ("plus", '+'),
    ("comma", ','),
    ("period", '.'),
    ("sol", '/'),
    ("colon", ':'),
    ("semi", ';'),
    ("equals", '='),
    ("quest", '?'),
    ("commat", '@'),
    ("lsqb", '['),
    ("lbrack", '['),
    ("bsol", '\\'),
    ("rsqb", ']'),
    ("rbrack", ']'),
    ("Hat", '^'),
    ("lowbar", '_'),
    ("grave", '`'),
    ("lcub", '{'),
    ("lbrace", '{'),
    ("verbar", '|'),
    ("rcub", '}'),
    ("rbrace", '}'),
];

/// Decoded text.
pub(crate) struct Decoded {
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    /// For each byte, the start and end of its encoded form in the text.
    spans: Vec<(usize, usize)>,
}

impl Decoded {
    /// The text itself, without decoding.
    pub(crate) fn plain(text: &str) -> Self {
        Self {
            bytes: Zeroizing::new(text.as_bytes().to_vec()),
            spans: (0..text.len()).map(|at| (at, at + 1)).collect(),
        }
    }

    /// Returns the range in the text of the decoded bytes `start..end`.
    pub(crate) fn span(&self, start: usize, end: usize) -> (usize, usize) {
        (self.spans[start].0, self.spans[end - 1].1)
    }

    /// Decodes the text in every encoding that it may contain.
    pub(crate) fn decodings(&self) -> Vec<Self> {
        let has = |mark: u8| self.bytes.contains(&mark);
        let mut readings = Vec::new();
        if has(b'\\') {
            readings.push(self.rewrite(backslash));
        }
        if has(b'&') {
            readings.push(self.rewrite(entity));
        }
        if has(b'%') {
            readings.push(self.rewrite(percent));
        }
        if has(b'+') {
            readings.push(self.rewrite(form));
        }
        readings.extend((0..2).filter_map(|skip| self.digits(skip, 2, 4, hex_digit)));
        readings.extend((0..4).filter_map(|skip| self.digits(skip, 4, 6, base64_digit)));
        readings
    }

    fn empty(capacity: usize) -> Self {
        Self {
            bytes: Zeroizing::new(Vec::with_capacity(capacity)),
            spans: Vec::with_capacity(capacity),
        }
    }

    /// Appends the decoded form of the range `span` of the text.
    fn push(&mut self, decoded: &[u8], span: (usize, usize)) {
        self.bytes.extend_from_slice(decoded);
        self.spans.extend(decoded.iter().map(|_| span));
    }

    /// Replaces each escape that `read` recognises at the start of its argument.
    fn rewrite(&self, read: fn(&[u8]) -> Option<(Bytes, usize)>) -> Self {
        let mut decoded = Self::empty(self.bytes.len());
        let mut at = 0;
        while at < self.bytes.len() {
            let (bytes, length) = read(&self.bytes[at..]).unwrap_or_else(|| (Bytes::one(self.bytes[at]), 1));
            decoded.push(bytes.as_slice(), self.span(at, at + length));
            at += length;
        }
        decoded
    }

    /// Decodes runs of digits of `bits` bits each, in groups of `group` digits after the first `skip`
    /// digits of each run. Line breaks do not end a run. `None` if there is no run.
    fn digits(&self, skip: usize, group: usize, bits: usize, digit: fn(u8) -> Option<u32>) -> Option<Self> {
        let mut decoded = Self::empty(0);
        let mut run: Vec<(u32, usize)> = Vec::new();
        let ends = std::iter::once((self.bytes.len(), &b' '));
        for (at, byte) in self.bytes.iter().enumerate().chain(ends) {
            if let Some(value) = digit(*byte) {
                run.push((value, at));
            } else if !matches!(byte, b'\r' | b'\n') {
                if run.len() >= MIN_RUN {
                    run[skip..]
                        .chunks(group)
                        .for_each(|digits| self.read_group(&mut decoded, digits, bits));
                }
                run.clear();
            }
        }
        (!decoded.bytes.is_empty()).then_some(decoded)
    }

    /// Appends the complete bytes of a group of digits.
    fn read_group(&self, decoded: &mut Self, digits: &[(u32, usize)], bits: usize) {
        let [(_, first), ..] = digits else {
            return;
        };
        let last = digits.last().map_or(*first, |(_, at)| *at);
        let used = bits * digits.len();
        let value = digits.iter().fold(0, |value, (digit, _)| value << bits | digit) << (32 - used);
        decoded.push(&value.to_be_bytes()[..used / 8], self.span(*first, last + 1));
    }
}

/// The bytes of one escape.
struct Bytes {
    bytes: [u8; 4],
    length: usize,
}

impl Bytes {
    fn one(byte: u8) -> Self {
        Self {
            bytes: [byte, 0, 0, 0],
            length: 1,
        }
    }

    fn of_char(c: char) -> Self {
        let mut bytes = [0; 4];
        let length = c.encode_utf8(&mut bytes).len();
        Self { bytes, length }
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Decodes an escape of JSON (RFC 8259) or a similar syntax: `\n`, `\/`, `\u00e4`, `\xe4`.
fn backslash(text: &[u8]) -> Option<(Bytes, usize)> {
    let [b'\\', kind, rest @ ..] = text else {
        return None;
    };
    let simple = match kind {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'f' => 12,
        b'u' => return unicode(rest),
        b'x' => {
            let byte = u8::try_from(hexadecimal(rest.get(..2)?)?).ok()?;
            return Some((Bytes::one(byte), 4));
        }
        other if other.is_ascii_punctuation() => *other,
        _ => return None,
    };
    Some((Bytes::one(simple), 2))
}

/// Decodes the text after `\u`: four digits, a surrogate pair of two escapes, or `{1f600}`.
fn unicode(rest: &[u8]) -> Option<(Bytes, usize)> {
    if let [b'{', digits @ ..] = rest {
        let length = digits.iter().take(9).position(|byte| *byte == b'}')?;
        let c = char::from_u32(hexadecimal(&digits[..length])?)?;
        return Some((Bytes::of_char(c), length + 4));
    }
    let first = hexadecimal(rest.get(..4)?)?;
    if let Some(c) = char::from_u32(first) {
        return Some((Bytes::of_char(c), 6));
    }
    let [b'\\', b'u', digits @ ..] = rest.get(4..)? else {
        return None;
    };
    let second = hexadecimal(digits.get(..4)?)?;
    let (high, low) = (first.checked_sub(0xd800)?, second.checked_sub(0xdc00)?);
    let c = char::from_u32(0x1_0000 + (high << 10) + low).filter(|_| low < 0x400)?;
    Some((Bytes::of_char(c), 12))
}

/// Decodes a percent-encoded byte (RFC 3986).
fn percent(text: &[u8]) -> Option<(Bytes, usize)> {
    let [b'%', rest @ ..] = text else {
        return None;
    };
    let byte = u8::try_from(hexadecimal(rest.get(..2)?)?).ok()?;
    Some((Bytes::one(byte), 3))
}

/// As [`percent`], but with `+` for a space, as in forms.
fn form(text: &[u8]) -> Option<(Bytes, usize)> {
    match text.first() {
        Some(b'+') => Some((Bytes::one(b' '), 1)),
        _ => percent(text),
    }
}

/// Decodes an HTML entity: `&amp;`, `&#38;` or `&#x26;`. A number may lack the semicolon.
fn entity(text: &[u8]) -> Option<(Bytes, usize)> {
    let [b'&', rest @ ..] = text else {
        return None;
    };
    let (digits, radix, start) = match rest {
        [b'#', b'x' | b'X', digits @ ..] => (digits, 16, 3),
        [b'#', digits @ ..] => (digits, 10, 2),
        name => {
            let length = name.iter().take(10).position(|byte| *byte == b';')?;
            let c = named_entity(std::str::from_utf8(&name[..length]).ok()?)?;
            return Some((Bytes::of_char(c), length + 2));
        }
    };
    let is_digit = |byte: &&u8| char::from(**byte).is_digit(radix);
    let length = digits.iter().take(8).take_while(is_digit).count();
    let number = std::str::from_utf8(&digits[..length]).ok()?;
    let c = char::from_u32(u32::from_str_radix(number, radix).ok()?)?;
    let semicolon = usize::from(digits.get(length) == Some(&b';'));
    Some((Bytes::of_char(c), start + length + semicolon))
}

fn named_entity(name: &str) -> Option<char> {
    let ascii = ASCII.iter().find(|(known, _)| *known == name);
    ascii.map(|(_, c)| *c).or_else(|| {
        let position = LATIN_1.split_ascii_whitespace().position(|known| known == name)?;
        char::from_u32(0xa0 + u32::try_from(position).ok()?)
    })
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    let all_digits = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(digits).ok().filter(|_| all_digits)?;
    u32::from_str_radix(text, 16).ok()
}

fn hex_digit(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(16)
}

/// Decodes a digit of base64 or base64url (RFC 4648).
fn base64_digit(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}
