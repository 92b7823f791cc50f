//! Reads JSON of other programs, member by member. Other members are not parsed, so that an unexpected
//! one (nesting, type, length) does not affect the rest. Errors name requested members and lines, and
//! never quote the text.

use std::collections::HashSet;
use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::value::MapDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::secret::SecretValue;

/// Times below this are assumed to be in seconds: 1e11 milliseconds since 1970 is March 1973.
const SHORTEST_MILLISECONDS: i64 = 100_000_000_000;

/// An error in JSON. The messages continue a sentence that begins with the name of a file or store.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JsonError {
    #[error("is empty")]
    Empty,
    /// The line counts from 1.
    #[error("line {0} is not valid JSON")]
    Invalid(usize),
    #[error("is not a JSON object")]
    NotAnObject,
    #[error("`{0}` is not {1}")]
    Member(String, &'static str),
}

/// The members in the order of the text, including duplicates.
pub(crate) struct Members<'a>(pub(crate) Vec<(String, &'a RawValue)>);

impl<'a> Members<'a> {
    /// The value of `name`; the last of duplicates wins, as in common parsers.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let mut same = self.0.iter().rev().filter(|(other, _)| other == name);
        same.next().map(|(_, value)| *value)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// An object whose members are parsed on demand.
pub(crate) struct Object<'a> {
    members: Members<'a>,
    /// Prefix of member names in errors, such as `claudeAiOauth.`.
    prefix: String,
}

impl<'a> Object<'a> {
    /// Parses an object; `None` for `null`, which some tools write instead of an empty object.
    pub(crate) fn parse(text: &'a str) -> Result<Option<Self>, JsonError> {
        if text.trim().is_empty() {
            return Err(JsonError::Empty);
        }
        let members: Option<Members<'a>> = serde_json::from_str(text).map_err(|error| {
            if error.is_data() {
                JsonError::NotAnObject
            } else {
                JsonError::Invalid(error.line().max(1))
            }
        })?;
        let prefix = String::new();
        Ok(members.map(|members| Self { members, prefix }))
    }

    /// The members with their values in the order of the file, with only the last of duplicates.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        let mut seen = HashSet::new();
        let members = self.members.0.iter().rev();
        let mut last: Vec<_> = members.filter(|(name, _)| seen.insert(name)).collect();
        last.reverse();
        last.into_iter().map(|(name, raw)| (name.as_str(), *raw))
    }

    /// Deserialises the members as a type, with only the last of duplicates.
    pub(crate) fn read<T: Deserialize<'a>>(&self) -> Option<T> {
        T::deserialize(MapDeserializer::new(self.members())).ok()
    }

    /// A string member; `None` if it is missing, null or empty.
    pub(crate) fn string(&self, name: &str) -> Result<Option<SecretValue>, JsonError> {
        let value: Option<SecretValue> = self.member(name, "a string")?;
        Ok(value.filter(|value| !value.is_empty()))
    }

    /// A string member of an object member.
    pub(crate) fn string_in(&self, (outer, inner): (&str, &str)) -> Result<Option<SecretValue>, JsonError> {
        self.object(outer)?.map_or(Ok(None), |outer| outer.string(inner))
    }

    /// An object member; `None` if it is missing or null.
    pub(crate) fn object(&self, name: &str) -> Result<Option<Self>, JsonError> {
        let members = self.member(name, "an object")?;
        let prefix = format!("{}{name}.", self.prefix);
        Ok(members.map(|members| Self { members, prefix }))
    }

    /// Whether a member is a list that contains this string.
    pub(crate) fn list_has(&self, name: &str, text: &str) -> bool {
        let list: Option<Vec<serde_json::Value>> = self.member(name, "a list").ok().flatten();
        list.is_some_and(|items| items.iter().any(|item| item == text))
    }

    /// A member of this type; `None` if it is missing or null.
    fn member<T: Deserialize<'a>>(&self, name: &str, expected: &'static str) -> Result<Option<T>, JsonError> {
        let raw = self.members.get(name).map_or("null", RawValue::get);
        let error = |_| JsonError::Member(format!("{}{name}", self.prefix), expected);
        serde_json::from_str(raw).map_err(error)
    }

    /// Whether a member exists and is not null.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(|raw| raw.get() != "null")
    }

    /// A time in milliseconds since 1970 or as RFC 3339; `None` if it is missing or null. The error continues
    /// a sentence that begins with the name of the member.
    pub(crate) fn time(&self, name: &str) -> Result<Option<Timestamp>, &'static str> {
        let raw = match self.members.get(name).map(RawValue::get) {
            None | Some("null") => return Ok(None),
            Some(raw) => raw,
        };
        let no_time = "that is not a time";
        if let Ok(text) = serde_json::from_str::<String>(raw) {
            return text.parse().map(Some).map_err(|_| no_time);
        }
        let number: f64 = serde_json::from_str(raw).map_err(|_| no_time)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the cast saturates, and the limits are refused"
        )]
        let milliseconds = number as i64;
        // Zero stands for no time in some files.
        if milliseconds != 0 && milliseconds < SHORTEST_MILLISECONDS {
            return Err("that is no number of milliseconds since 1970");
        }
        Timestamp::from_millisecond(milliseconds)
            .map(Some)
            .map_err(|_| no_time)
    }
}

/// For `deserialize_with`: a member of an unexpected type counts as missing, so that it does not
/// affect the others.
pub(crate) fn lenient<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn object(text: &str) -> Object<'_> {
        Object::parse(text).unwrap().unwrap()
    }

    #[test]
    fn null_and_empty_members_count_as_absent() {
        assert!(Object::parse("null").unwrap().is_none());
        let object = object(r#"{"a":null,"b":"","c":{}}"#);
        for name in ["a", "b", "missing"] {
            assert!(object.string(name).unwrap().is_none(), "{name}");
        }
        assert!(object.object("a").unwrap().is_none());
        assert!(object.object("c").unwrap().unwrap().members().next().is_none());
    }

    /// R22: an error names the line and column, and quotes nothing.
    #[test]
    fn errors_name_the_place_without_quoting() {
        for (text, reason) in [
            ("", "is empty"),
            (" \n", "is empty"),
            ("{", "line 1 is not valid JSON"),
            ("{\n\"a\": hunter2}", "line 2 is not valid JSON"),
            ("{} hunter2", "line 1 is not valid JSON"),
            ("[\"hunter2\"]", "is not a JSON object"),
            ("\"hunter2\"", "is not a JSON object"),
            ("7", "is not a JSON object"),
        ] {
            assert_eq!(Object::parse(text).err().unwrap().to_string(), reason, "{text}");
        }
        let outer = object(r#"{"a":{"b":["hunter2"]},"c":"hunter2"}"#);
        let inner = outer.object("a").unwrap().unwrap();
        assert_eq!(
            inner.string("b").unwrap_err().to_string(),
            "`a.b` is not a string"
        );
        assert_eq!(
            outer.object("c").err().unwrap().to_string(),
            "`c` is not an object"
        );
    }

    /// R32: the last of duplicate keys wins.
    #[test]
    fn the_last_of_duplicate_keys_counts() {
        let object = object(r#"{"a":"first","b":"x","a":"last"}"#);
        assert_eq!(object.string("a").unwrap().unwrap().expose_secret(), "last");
        let names: Vec<_> = object.members().map(|(name, _)| name).collect();
        assert_eq!(names, ["b", "a"]);
    }

    /// R31: times in seconds, milliseconds and as text are read or refused, with any size.
    #[test]
    fn times_are_read_in_every_unit() {
        let time = |text: &str| object(&format!(r#"{{"t":{text}}}"#)).time("t");
        let good = "2027-11-23T15:47:37.063Z".parse().unwrap();
        for text in [
            "1826984857063",
            "1826984857063.5",
            r#""2027-11-23T15:47:37.063Z""#,
        ] {
            assert_eq!(time(text), Ok(Some(good)), "{text}");
        }
        assert_eq!(time("null"), Ok(None));
        assert_eq!(time("0"), Ok(Some(Timestamp::UNIX_EPOCH)));
        for bad in [
            "1826984857",
            "-1",
            "-1e300",
            "1e300",
            "1e999",
            r#""soon""#,
            "[]",
            "true",
            "99999999999999999999999",
        ] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }

    /// R23: deeply nested JSON does not overflow the stack.
    #[test]
    fn deep_nesting_does_not_overflow_the_stack() {
        let deep = format!("{}1{}", "[".repeat(200_000), "]".repeat(200_000));
        let text = format!(r#"{{"deep":{deep},"a":"found"}}"#);
        let object = object(&text);
        assert_eq!(object.string("a").unwrap().unwrap().expose_secret(), "found");
        assert!(object.string("deep").is_err());
        assert!(Object::parse(&deep).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic_or_quote(text in "[\\[\\]{}\":,a-c0-9e+\\-\\\\ ]{0,60}", tail in any::<String>()) {
            for text in [text.clone(), format!("{{\"a\":{text}}}"), format!("{text}{tail}")] {
                match Object::parse(&text) {
                    Err(reason) => prop_assert!(!reason.to_string().contains(&text) || text.len() < 8),
                    Ok(None) => {}
                    Ok(Some(object)) => {
                        let _ = (object.string("a"), object.object("a"), object.list_has("a", "b"), object.time("a"));
                    }
                }
            }
        }
    }
}
