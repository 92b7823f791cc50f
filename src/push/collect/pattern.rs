//! Patterns for names: `*` stands for any characters, `?` for one.

/// A name, or a pattern with wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(String);

impl Pattern {
    /// Parses a comma-separated list, ignoring whitespace and empty items.
    pub(crate) fn list(items: &[String]) -> Vec<Self> {
        let items = items.iter().flat_map(|item| item.split(','));
        let items = items.map(str::trim).filter(|item| !item.is_empty());
        items.map(|item| Self(item.to_owned())).collect()
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it contains a wildcard and may therefore match several names or none.
    pub(crate) fn has_wildcard(&self) -> bool {
        self.0.contains(['*', '?'])
    }

    /// Whether `name` matches. After a mismatch only the last `*` is extended by one character, so
    /// the running time is at most the product of both lengths.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut p, mut n) = (0, 0);
        let mut star = None;
        while n < name.len() {
            match pattern.get(p) {
                Some(b'*') => {
                    star = Some((p, n));
                    p += 1;
                }
                Some(&c) if c == b'?' || c == name[n] => {
                    p += 1;
                    n += 1;
                }
                _ => {
                    let Some((star_at, taken)) = star else {
                        return false;
                    };
                    star = Some((star_at, taken + 1));
                    p = star_at + 1;
                    n = taken + 1;
                }
            }
        }
        pattern[p..].iter().all(|&c| c == b'*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_names() {
        for (pattern, name, expected) in [
            ("DB_*", "DB_URL", true),
            ("DB_*", "DB_", true),
            ("DB_*", "MY_DB_URL", false),
            ("*", "A", true),
            ("*_KEY", "A_KEY_KEY", true),
            ("A?C", "ABC", true),
            ("A?C", "AC", false),
            ("A", "AB", false),
            ("*A*B*", "xxAyyBzz", true),
        ] {
            let pattern = &Pattern::list(&[pattern.to_owned()])[0];
            assert_eq!(pattern.matches(name), expected, "{pattern:?} {name}");
        }
    }

    #[test]
    fn blanks_and_empty_items_are_ignored() {
        let list = Pattern::list(&[" A, B,".to_owned(), String::new()]);
        let names: Vec<_> = list.iter().map(Pattern::as_str).collect();
        assert_eq!(names, ["A", "B"]);
    }
}
