//! The settings files of one tool, in order of strength.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jsonc_parser::JsonValue;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::credential::Filter;
use super::place::Place;
use super::reader::{Document, Reader};
use super::report::Report;
use crate::formats::json::{JsonError, parse_with_comments};
use crate::secret::SecretValue;
use crate::system::env::Env;

/// How deep settings are kept; the rest is ignored, so that any depth can be read.
const DEPTH: u8 = 6;

/// A value of a settings file.
#[derive(Debug)]
pub(super) enum Node {
    Text(SecretValue),
    /// A number or a boolean, as written.
    Plain(String),
    List(Vec<Node>),
    Object(BTreeMap<String, Node>),
}

/// The format of a settings file.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Format {
    Json,
    JsonWithComments,
    Toml,
    /// Lines `NAME=value`; the names are variables.
    Dotenv,
}

/// One settings file, or a variable with settings.
struct Layer {
    place: Place,
    root: Node,
    format: Format,
}

/// The layers of one tool, the strongest first.
pub(super) struct Layers {
    all: Vec<Layer>,
    /// Every file that belongs to them, whether or not it exists.
    pub(super) files: Vec<PathBuf>,
    /// Whether one of them exists and cannot be read.
    pub(super) is_broken: bool,
    about: Filter,
}

impl Layers {
    /// Without layers. A layer that cannot be read is a problem of these credentials.
    pub(super) fn new(about: Filter) -> Self {
        Self {
            all: Vec::new(),
            files: Vec::new(),
            is_broken: false,
            about,
        }
    }

    /// Adds the next weaker file.
    pub(super) fn file(&mut self, reader: &Reader<'_>, report: &mut Report, path: PathBuf, format: Format) {
        if self.files.contains(&path) {
            return;
        }
        let problems = report.problems.len();
        if let Some(document) = report.settings(reader.file(&path), self.about) {
            self.document(report, &document, format);
        }
        self.is_broken |= report.problems.len() > problems;
        self.files.push(path);
    }

    /// Adds a text as the next weaker layer.
    pub(super) fn document(&mut self, report: &mut Report, document: &Document, format: Format) {
        match parse(document.body(), format) {
            Ok(Some(root)) => self.all.push(Layer {
                place: document.place.clone(),
                root,
                format,
            }),
            Ok(None) => {}
            Err(reason) => {
                self.is_broken = true;
                report.problem(&document.place, self.about, reason);
            }
        }
    }

    /// The strongest value at a path such as `["env", "NAME"]`.
    pub(super) fn get(&self, path: &[&str]) -> Option<(&Node, Place)> {
        self.all.iter().find_map(|layer| {
            let node = path.iter().try_fold(&layer.root, |node, name| node.get(name))?;
            Some((node, layer.at(&path.join("."))))
        })
    }

    /// The strongest value at a path, if that is a text.
    pub(super) fn text(&self, path: &[&str]) -> Option<(&str, Place)> {
        let (node, place) = self.get(path)?;
        Some((node.text()?, place))
    }

    /// The value of a variable: in a layer, or else in the environment.
    pub(super) fn variable(&self, env: &Env, name: &str) -> Option<String> {
        let of_layer = self.variables().find(|(other, ..)| *other == name);
        let of_layer = of_layer.map(|(_, value, _)| value.as_variable().to_owned());
        of_layer.or_else(|| Some(env.variable(name)?.to_string_lossy().into_owned()))
    }

    pub(super) fn is_true(&self, path: &[&str]) -> Option<bool> {
        self.get(path).map(|(node, _)| node.is_true())
    }

    /// All objects at a path, the strongest first, with the place that holds them.
    pub(super) fn objects<'l>(
        &'l self,
        path: &'l [&str],
    ) -> impl Iterator<Item = (&'l BTreeMap<String, Node>, &'l Place)> {
        self.all.iter().filter_map(|layer| {
            let node = path.iter().try_fold(&layer.root, |node, name| node.get(name))?;
            Some((node.object()?, &layer.place))
        })
    }

    /// The variables that the layers set, the strongest first.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, &Node, Place)> {
        self.all.iter().flat_map(|layer| {
            let (variables, prefix) = match layer.format {
                Format::Dotenv => (layer.root.object(), ""),
                _ => (layer.root.get("env").and_then(Node::object), "env."),
            };
            let variables = variables.into_iter().flatten();
            variables.map(move |(name, value)| (name.as_str(), value, layer.at(&format!("{prefix}{name}"))))
        })
    }

    /// The members of the files, the strongest first; variables are none.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &Node, Place)> {
        let files = self.all.iter().filter(|layer| layer.format != Format::Dotenv);
        files.flat_map(|layer| {
            let members = layer.root.object().into_iter().flatten();
            members.map(|(name, value)| (name.as_str(), value, layer.at(name)))
        })
    }
}

impl Layer {
    fn at(&self, key: &str) -> Place {
        match &self.place {
            Place::File(file) => Place::Setting {
                key: key.to_owned(),
                file: file.clone(),
            },
            other => other.clone(),
        }
    }
}

impl Node {
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        self.object()?.get(name)
    }

    pub(super) fn object(&self) -> Option<&BTreeMap<String, Self>> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.expose_secret()),
            _ => None,
        }
    }

    pub(super) fn is_true(&self) -> bool {
        matches!(self, Self::Plain(text) if text == "true")
    }

    /// Whether it is a list with this text.
    pub(super) fn lists(&self, text: &str) -> bool {
        matches!(self, Self::List(items) if items.iter().any(|item| item.text() == Some(text)))
    }

    /// The text of a variable: numbers and booleans are converted.
    pub(super) fn as_variable(&self) -> &str {
        match self {
            Self::Text(text) => text.expose_secret(),
            Self::Plain(text) => text,
            Self::List(_) | Self::Object(_) => "…",
        }
    }
}

/// Parses settings; `None` if they are `null`. The error quotes nothing.
fn parse(text: &str, format: Format) -> Result<Option<Node>, String> {
    match format {
        Format::Json => {
            let mut json = serde_json::Deserializer::from_str(text);
            let node = Keep(DEPTH).deserialize(&mut json);
            let node = node.and_then(|node| json.end().map(|()| node));
            let node = node.map_err(|error| JsonError::Invalid(error.line().max(1)).to_string())?;
            match node {
                None | Some(Node::Object(_)) => Ok(node),
                Some(_) => Err(JsonError::NotAnObject.to_string()),
            }
        }
        Format::JsonWithComments => {
            let object = parse_with_comments(text).map_err(|error| error.to_string())?;
            Ok(object.and_then(|object| of_json(JsonValue::Object(object), DEPTH)))
        }
        Format::Toml => {
            let table = toml::Deserializer::parse(text).and_then(|table| Keep(DEPTH).deserialize(table));
            table.map_err(|error| {
                // The error's own message quotes the line, which may contain a key.
                let before = error.span().and_then(|span| text.get(..span.start));
                let line = before.map_or(1, |before| before.matches('\n').count() + 1);
                format!("line {line} cannot be parsed")
            })
        }
        // Only Codex has one. It reads it with the same crate, and ignores its own variables there
        // (0.171).
        Format::Dotenv => {
            let entries = dotenvy::from_read_iter(text.as_bytes()).filter_map(Result::ok);
            let entries = entries.filter(|(name, _)| !name.to_ascii_uppercase().starts_with("CODEX_"));
            let entries = entries.map(|(name, value)| (name, Node::Text(SecretValue::new(value))));
            Ok(Some(Node::Object(entries.collect())))
        }
    }
}

fn of_json(value: JsonValue<'_>, depth: u8) -> Option<Node> {
    let below = depth.checked_sub(1)?;
    Some(match value {
        JsonValue::Null => return None,
        JsonValue::String(text) => Node::Text(SecretValue::new(text.into_owned())),
        JsonValue::Number(text) => Node::Plain(text.to_owned()),
        JsonValue::Boolean(flag) => Node::Plain(flag.to_string()),
        JsonValue::Array(items) => Node::List(
            items
                .into_iter()
                .filter_map(|item| of_json(item, below))
                .collect(),
        ),
        JsonValue::Object(members) => {
            let members = members.into_iter();
            let kept = members.filter_map(|(name, value)| Some((name.into_owned(), of_json(value, below)?)));
            Node::Object(kept.collect())
        }
    })
}

/// Deserialises this many levels of any format; `None` for null and for what is deeper.
struct Keep(u8);

impl<'de> DeserializeSeed<'de> for Keep {
    type Value = Option<Node>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Node>, D::Error> {
        if self.0 == 0 {
            IgnoredAny::deserialize(deserializer)?;
            return Ok(None);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Keep {
    type Value = Option<Node>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a setting")
    }

    fn visit_str<E>(self, text: &str) -> Result<Option<Node>, E> {
        Ok(Some(Node::Text(SecretValue::new(text.to_owned()))))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Option<Node>, E> {
        Ok(Some(Node::Plain(flag.to_string())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Option<Node>, E> {
        Ok(Some(Node::Plain(number.to_string())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Option<Node>, E> {
        Ok(Some(Node::Plain(number.to_string())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Option<Node>, E> {
        Ok(Some(Node::Plain(number.to_string())))
    }

    fn visit_unit<E>(self) -> Result<Option<Node>, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Option<Node>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Self(self.0 - 1))? {
            items.extend(item);
        }
        Ok(Some(Node::List(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Node>, A::Error> {
        let mut members = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            match map.next_value_seed(Self(self.0 - 1))? {
                Some(value) => members.insert(name, value),
                // The last of duplicate members counts.
                None => members.remove(&name),
            };
        }
        Ok(Some(Node::Object(members)))
    }
}

/// The files of a directory with this extension, in alphabetical order.
pub(super) fn files_in(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|found| found == extension));
    files.sort();
    files
}
