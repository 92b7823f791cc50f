//! A JSON object whose values are all strings.

use super::entry::{Entry, Fault, Parsed};
use super::lines::LineCounter;
use crate::formats::json::Members;
use crate::secret::{SecretName, SecretValue};

const HINT: &str = "the file must contain one object such as {\"NAME\": \"value\"}";

/// Parses `text`. Only the line of a serde error is kept, because its message quotes the input.
pub(crate) fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let object: Members<'_> = match serde_json::from_str(text) {
        Ok(object) => object,
        Err(error) => {
            let problem = if error.is_data() {
                "is not a JSON object"
            } else {
                "is not valid JSON"
            };
            let fault = Fault::new(error.line().max(1), problem).hint(HINT);
            parsed.faults.push(fault);
            return parsed;
        }
    };
    let mut lines = LineCounter::new(text);
    for (name, raw) in object.0 {
        // Each raw value is a slice of `text`, so its address gives its line.
        let line = lines.line_at(raw.get().as_ptr().addr() - text.as_ptr().addr());
        if let Ok(value) = serde_json::from_str::<String>(raw.get()) {
            let value = SecretValue::new(value);
            parsed.entries.push(Entry { line, name, value });
        } else {
            let known = SecretName::environment(&name);
            let whose = known.map_or_else(String::new, |name| format!(" of {name}"));
            let message = format!("the value{whose} is not a string");
            parsed.faults.push(Fault::new(line, message).hint(HINT));
        }
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_lines_and_bytes() {
        let parsed = parse("{\n \"A\": \"x\\ny\",\n \"B\": \"$1 ☃\", \"A\": \"z\"\n}");
        let values: Vec<_> = parsed
            .entries
            .iter()
            .map(|e| (e.line, e.name.as_str(), e.value.expose_secret()))
            .collect();
        assert_eq!(values, [(2, "A", "x\ny"), (3, "B", "$1 ☃"), (3, "A", "z")]);
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
            ("{\"A\": \"hunter2", 1),
            ("{\"A\": \"x\"} hunter2", 1),
            (deep.as_str(), 1),
        ] {
            let fault = parse(text).faults.remove(0);
            assert_eq!(fault.line, line);
            assert!(!fault.message.contains("hunter2"), "{}", fault.message);
        }
    }
}
