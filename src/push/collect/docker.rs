//! The rules of `docker run --env-file`: everything after the first `=` is the value, verbatim.

use super::entry::{Entry, Fault, Parsed, Warning};
use crate::secret::{SecretName, SecretValue};

/// Parses `text`, whose line breaks are all `\n`.
pub(crate) fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    for (index, whole) in text.lines().enumerate() {
        let line = index + 1;
        let assignment = whole.trim_start();
        if assignment.is_empty() || assignment.starts_with('#') {
            continue;
        }
        let Some((name, value)) = assignment.split_once('=') else {
            let fault = Fault::new(line, "invalid line: expected KEY=VALUE");
            parsed.faults.push(fault.hint(
                "this format does not support values that span lines; read such a value from a separate file: \
                 amika secret push NAME --yes < FILE",
            ));
            continue;
        };
        // A name that is refused later is part of some other text, which may be secret.
        if is_quoted(value) && SecretName::is_environment(name) {
            let message = format!(
                "the quotes around the value of {name} are part of the value in this format; \
                 --env-format dotenv removes them"
            );
            parsed.warnings.push(Warning {
                line,
                name: name.to_owned(),
                message,
            });
        }
        parsed.entries.push(Entry {
            line,
            name: name.to_owned(),
            value: SecretValue::new(value.to_owned()),
        });
    }
    parsed
}

/// Whether `value` begins and ends with the same quote, as `.env` files write values.
fn is_quoted(value: &str) -> bool {
    let value = value.trim();
    value.len() >= 2
        && ['\'', '"']
            .iter()
            .any(|&quote| value.starts_with(quote) && value.ends_with(quote))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_verbatim() {
        let parsed = parse("# c\n\nA='x' # y\nB= two  \nC=a=b$c\n");
        let values: Vec<_> = parsed
            .entries
            .iter()
            .map(|e| (e.line, e.name.as_str(), e.value.expose_secret()))
            .collect();
        assert_eq!(
            values,
            [(3, "A", "'x' # y"), (4, "B", " two  "), (5, "C", "a=b$c")]
        );
    }

    /// R7: a line without `=` is not quoted.
    #[test]
    fn a_line_without_equals_is_not_quoted() {
        let fault = parse("A=1\nhunter2\n").faults.remove(0);
        assert_eq!(fault.line, 2);
        assert!(!fault.message.contains("hunter2"));
    }

    /// R7: the text before `=` is quoted only if it is a valid name.
    #[test]
    fn a_warning_about_quotes_names_only_a_name() {
        let parsed = parse("A=\"x\"\nhunter2 \"y=\"z\"\n");
        let lines: Vec<_> = parsed.warnings.iter().map(|warning| warning.line).collect();
        assert_eq!(lines, [1]);
    }
}
