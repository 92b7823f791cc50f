//! A JSON object whose values are all strings.

use std::borrow::Cow;
use std::iter;

use super::line::{Fault, Line, is_name};
use crate::formats::json::Members;
use crate::secret::SecretValue;

/// Parses `text`. Only the line of a serde error is kept, because its message quotes the input.
pub(super) fn parse<'a>(text: &'a str, file: &'a str) -> Box<dyn Iterator<Item = Line<'a>> + 'a> {
    let object: Members<'a> = match serde_json::from_str(text) {
        Ok(object) => object,
        Err(error) => {
            let message = if error.is_data() {
                "not a JSON object"
            } else {
                "not valid JSON"
            };
            let fault = Fault::new("json", message, hint(file));
            return Box::new(iter::once(Line::new(error.line().max(1), None, Err(fault))));
        }
    };
    let (mut line, mut at) = (1, 0);
    Box::new(object.0.into_iter().map(move |(name, raw)| {
        // Each raw value is a slice of `text`, so its address gives its line.
        let start = raw.get().as_ptr().addr() - text.as_ptr().addr();
        line += text[at..start].matches('\n').count();
        at = start;
        let is_name = is_name(&name);
        let content = match serde_json::from_str::<String>(raw.get()) {
            _ if !is_name => Err(Fault::bad_name(&name)),
            Ok(value) => Ok((SecretValue::new(value), None)),
            // Half of a surrogate pair is no Unicode text.
            Err(_) => Err(Fault::new(
                "string",
                format!("the value of {name} is not a string of Unicode text"),
                hint(file),
            )),
        };
        Line::new(line, is_name.then_some(Cow::Owned(name)), content)
    }))
}

/// How to push a JSON file. The way for a single document, such as the key of a service account, comes first.
pub(super) fn hint(file: &str) -> String {
    format!(
        "to push the file as one value, use --value-file NAME={file}; to push its members, use --env-format \
         json with one object such as {{\"NAME\": \"value\"}}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_lines_and_bytes() {
        let lines = parse("{\n \"A\": \"x\\ny\",\n \"B\": \"$1 ☃\", \"A\": \"z\"\n}", "x");
        let values: Vec<_> = lines
            .map(|line| {
                (
                    line.number,
                    line.name.unwrap(),
                    line.content.ok().unwrap().0.expose_secret().to_owned(),
                )
            })
            .collect();
        let expected = [(2, "A", "x\ny"), (3, "B", "$1 ☃"), (3, "A", "z")];
        assert_eq!(
            values,
            expected.map(|(line, name, value)| (line, name.into(), value.to_owned()))
        );
    }

    #[test]
    fn an_error_names_the_line_without_quoting() {
        let deep = format!("{{\"A\": {}1{}}}", "[".repeat(200_000), "]".repeat(200_000));
        for (text, line) in [
            ("[\"hunter2\"]", 1),
            ("\"hunter2\"", 1),
            ("", 1),
            ("{\n\"A\": 7}", 2),
            ("{\n\n\"A\": [\"hunter2\"]}", 3),
            ("{\"A\": \"\\ud800hunter2\"}", 1),
            ("{\"A\": \"hunter2", 1),
            ("{\"A\": \"x\"} hunter2", 1),
            (deep.as_str(), 1),
        ] {
            let found = parse(text, "x").next().unwrap();
            assert_eq!(found.number, line);
            let message = found.content.err().unwrap().message;
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
}
