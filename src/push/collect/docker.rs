//! The rules of `docker run --env-file`: everything after the first `=` is the value, verbatim.

use std::borrow::Cow;

use super::line::{Fault, Line, Oddity, is_base64_tail, is_name};
use super::text::forbidden_byte;
use crate::secret::SecretValue;

/// Parses `text`, whose line breaks are all `\n`.
pub(super) fn parse(text: &str) -> impl Iterator<Item = Line<'_>> {
    let lines = text.split('\n').zip(1..).filter(|(line, _)| {
        let line = line.trim_start();
        !(line.is_empty() || line.starts_with('#')) || forbidden_byte(line, None).is_some()
    });
    lines.map(|(line, number)| {
        let Some((name, value)) = line.trim_start().split_once('=') else {
            let fault = Fault::no_assignment(
                "this format does not support values that span lines; read such a value from a separate file: \
                 `amika secret push --value-file NAME=FILE`",
            );
            return Line::new(number, None, Err(forbidden_byte(line, None).unwrap_or(fault)));
        };
        let is_name = is_name(name) && !is_base64_tail(name, value);
        let content = match forbidden_byte(line, Some(name).filter(|_| is_name)) {
            Some(fault) => Err(fault),
            None if is_name => {
                let oddity = is_quoted(value).then_some(Oddity::Quotes);
                Ok((SecretValue::new(value.to_owned()), oddity))
            }
            None => Err(Fault::bad_name(name)),
        };
        Line::new(number, is_name.then_some(Cow::Borrowed(name)), content)
    })
}

/// Whether `value` begins and ends with the same quote, as `.env` files write values.
fn is_quoted(value: &str) -> bool {
    let value = value.trim();
    let is_in = |quote: char| value.starts_with(quote) && value.ends_with(quote);
    value.len() >= 2 && ['\'', '"'].into_iter().any(is_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_verbatim() {
        let lines = parse("# c\n\nA='x' # y\nB= two  \nC=a=b$c\n");
        let values: Vec<_> = lines
            .map(|line| {
                (
                    line.number,
                    line.name.unwrap(),
                    line.content.ok().unwrap().0.expose_secret().to_owned(),
                )
            })
            .collect();
        let expected = [(3, "A", "'x' # y"), (4, "B", " two  "), (5, "C", "a=b$c")];
        assert_eq!(
            values,
            expected.map(|(line, name, value)| (line, name.into(), value.to_owned()))
        );
    }

    /// R2: a lone carriage return is refused, also at the end of a line.
    #[test]
    fn a_carriage_return_is_refused() {
        for text in ["A=x\r\n", "A=x\ry\n", "A=x\r"] {
            let line = parse(text).next().unwrap();
            assert!(line.content.is_err(), "{text:?}");
        }
    }

    /// R7: a line without `=` is not quoted, and the text before one only if it is a valid name.
    #[test]
    fn a_line_without_a_name_is_not_quoted() {
        let faults: Vec<_> = parse("A=1\nhunter2\nhunter2 \"y=\"z\"\n")
            .filter_map(|line| Some((line.number, line.content.err()?.message)))
            .collect();
        assert_eq!(
            faults.iter().map(|(number, _)| *number).collect::<Vec<_>>(),
            [2, 3]
        );
        assert!(faults.iter().all(|(_, message)| !message.contains("hunter2")));
    }
}
