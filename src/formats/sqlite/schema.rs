//! The columns of a `CREATE TABLE` statement in the schema table.

use std::iter::Peekable;
use std::str::Chars;

/// The names of the columns in order, possibly followed by the first words of constraints.
pub(super) fn column_names(sql: &str) -> Vec<String> {
    let words = definitions(sql).into_iter();
    words
        .filter_map(|definition| first_word(definition.trim()))
        .collect()
}

/// Splits the text between the outer parentheses at commas, without comments.
fn definitions(sql: &str) -> Vec<String> {
    let mut definitions = vec![String::new()];
    let mut depth = 0;
    let mut characters = sql.chars().peekable();
    while let Some(c) = characters.next() {
        let text = match c {
            '-' if characters.peek() == Some(&'-') => {
                skip_past(&mut characters, "\n");
                continue;
            }
            '/' if characters.peek() == Some(&'*') => {
                skip_past(&mut characters, "*/");
                continue;
            }
            '(' => {
                depth += 1;
                continue;
            }
            ')' if depth == 1 => break,
            ')' => {
                depth -= 1;
                continue;
            }
            ',' if depth == 1 => {
                definitions.push(String::new());
                continue;
            }
            '\'' | '"' | '`' => quoted(&mut characters, c, c),
            '[' => quoted(&mut characters, '[', ']'),
            other => other.to_string(),
        };
        if depth == 1
            && let Some(last) = definitions.last_mut()
        {
            last.push_str(&text);
        }
    }
    definitions
}

fn skip_past(characters: &mut Peekable<Chars<'_>>, end: &str) {
    let mut seen = String::new();
    for c in characters {
        seen.push(c);
        if seen.ends_with(end) {
            return;
        }
    }
}

/// Reads the rest of a quoted text and returns it with both quotes.
fn quoted(characters: &mut Peekable<Chars<'_>>, open: char, close: char) -> String {
    let mut text = String::from(open);
    for c in characters {
        text.push(c);
        if c == close {
            break;
        }
    }
    text
}

fn first_word(definition: &str) -> Option<String> {
    let close = match definition.chars().next()? {
        '[' => ']',
        quote @ ('\'' | '"' | '`') => quote,
        _ => return definition.split_whitespace().next().map(str::to_owned),
    };
    let (name, _) = definition[1..].split_once(close)?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_beside_comments_quotes_and_constraints() {
        for (sql, names) in [
            ("CREATE TABLE t(a, b TEXT)", &["a", "b"][..]),
            ("CREATE TABLE `t` (`a` text NOT NULL, [b c] int)", &["a", "b c"]),
            (
                "CREATE TABLE t (a, -- one, (two\n b /* , c */, d)",
                &["a", "b", "d"],
            ),
            ("CREATE TABLE t /* ( */ (a text DEFAULT 'x,(', b)", &["a", "b"]),
            (
                "CREATE TABLE t (a CHECK (a IN (1, 2)), b, UNIQUE(a, b))",
                &["a", "b", "UNIQUE"],
            ),
            ("CREATE TABLE t", &[]),
        ] {
            assert_eq!(column_names(sql), names, "{sql}");
        }
    }
}
