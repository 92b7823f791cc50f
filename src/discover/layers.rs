//! The settings files of one tool, in order of strength.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jsonc_parser::ParseOptions;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::credential::Place;
use super::reader::{Content, Document, Lookup, Reader};
use super::report::Report;
use crate::formats::json::{JsonError, Object};
use crate::secret::SecretValue;
use crate::system::env::Env;
use crate::system::file::FileError;

/// A value of a settings file.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Node {
    Text(SecretValue),
    Flag(bool),
    Number(f64),
    List(Vec<Node>),
    Object(Children),
    /// `null`, or something without a meaning here, such as a date.
    Other(IgnoredAny),
}

pub(super) type Children = BTreeMap<String, Node>;

/// The format of a settings file.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Format {
    Json,
    /// JSON of which only these members are settings.
    JsonMembers(&'static [&'static str]),
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
#[derive(Default)]
pub(super) struct Layers {
    all: Vec<Layer>,
    /// Every file that belongs to them, whether or not it exists.
    pub(super) files: Vec<PathBuf>,
}

impl Layers {
    /// Adds the next weaker file. A dangling link counts as absent.
    pub(super) fn file(&mut self, reader: &Reader<'_>, report: &mut Report, path: PathBuf, format: Format) {
        let Lookup { place, content } = reader.file(&path);
        match content {
            Content::Document(document) => self.document(report, &document, format),
            Content::Unreadable(reason) => report.problem(&place, reason),
            Content::Directory => report.problem(&place, FileError::Directory),
            Content::Absent | Content::Nothing(_) => {}
        }
        self.files.push(path);
    }

    /// Adds a document as the next weaker layer.
    pub(super) fn document(&mut self, report: &mut Report, document: &Document, format: Format) {
        let place = document.place.clone();
        let root = report.usable(&place, parse(document.body(), format));
        self.all.extend(root.map(|root| Layer { place, root, format }));
    }

    /// The strongest value at a path such as `["env", "NAME"]`.
    pub(super) fn get(&self, path: &[&str]) -> Option<(&Node, Place)> {
        self.all.iter().find_map(|layer| {
            let node = layer.root.at(path)?;
            Some((node, layer.at(&path.join("."))))
        })
    }

    /// The value of a variable: in a layer, or else in the environment.
    pub(super) fn variable(&self, env: &Env, name: &str) -> Option<String> {
        let mut of_layers = self.variables().filter(|(other, ..)| *other == name);
        let of_layer = of_layers.next().map(|(_, value, _)| value);
        let value = of_layer.or_else(|| Some(env.variable(name)?.to_string_lossy()));
        value.map(Cow::into_owned)
    }

    /// All objects at a path, the strongest first, with the place that holds them.
    pub(super) fn objects<'l>(&'l self, path: &[&str]) -> impl Iterator<Item = (&'l Children, &'l Place)> {
        self.all.iter().filter_map(|layer| {
            let node = layer.root.at(path)?;
            Some((node.object()?, &layer.place))
        })
    }

    /// The variables that the layers set, the strongest first.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, Cow<'_, str>, Place)> {
        self.all.iter().flat_map(|layer| {
            let (variables, prefix) = match layer.format {
                Format::Dotenv => (layer.root.object(), ""),
                _ => (layer.root.get("env").and_then(Node::object), "env."),
            };
            let variables = variables.into_iter().flatten();
            variables.map(move |(name, value)| {
                let place = layer.at(&format!("{prefix}{name}"));
                (name.as_str(), value.as_variable(), place)
            })
        })
    }

    /// The members of the settings files, the strongest first, without the variables of a `.env` file.
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
        self.object()?
            .get(name)
            .filter(|node| !matches!(node, Self::Other(_)))
    }

    fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, name| node.get(name))
    }

    fn object(&self) -> Option<&Children> {
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
        matches!(self, Self::Flag(true))
    }

    /// Whether it is a list with this text.
    pub(super) fn lists(&self, text: &str) -> bool {
        matches!(self, Self::List(items) if items.iter().any(|item| item.text() == Some(text)))
    }

    /// The text of a variable: numbers and booleans are converted.
    pub(super) fn as_variable(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => text.expose_secret().into(),
            Self::Flag(flag) => flag.to_string().into(),
            Self::Number(number) => number.to_string().into(),
            Self::List(_) | Self::Object(_) => "…".into(),
            Self::Other(_) => "".into(),
        }
    }
}

/// Parses settings; `None` if they are `null`. The error quotes nothing.
fn parse(text: &str, format: Format) -> Result<Option<Node>, String> {
    match format {
        // Each member is parsed by itself, so that one that is nested too deeply does not affect the others.
        Format::Json | Format::JsonMembers(_) => {
            let object = Object::parse(text).map_err(|error| error.to_string())?;
            let mut kept = Children::new();
            for (name, raw) in object.iter().flat_map(Object::members) {
                if matches!(format, Format::JsonMembers(names) if !names.contains(&name)) {
                    continue;
                }
                match serde_json::from_str(raw.get()) {
                    Ok(value) => _ = kept.insert(name.to_owned(), value),
                    Err(_) if name == "env" => return Err("`env` is nested too deeply".to_owned()),
                    Err(_) => {}
                }
            }
            Ok(object.map(|_| Node::Object(kept)))
        }
        Format::JsonWithComments => {
            match jsonc_parser::parse_to_serde_value(text, &ParseOptions::default()) {
                Ok(root @ (None | Some(Node::Object(_)))) => Ok(root),
                Ok(_) => Err(JsonError::NotAnObject.to_string()),
                Err(_) => Err("is not valid JSON with comments".to_owned()),
            }
        }
        Format::Toml => toml::from_str(text).map(Some).map_err(|error| {
            // The error's own message quotes the line, which may contain a key.
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(1, |before| before.matches('\n').count() + 1);
            format!("line {line} cannot be parsed")
        }),
        // Codex reads its `.env` with the same crate, and ignores variables named `CODEX_*` there (0.171).
        Format::Dotenv => {
            let entries = dotenvy::from_read_iter(text.as_bytes()).filter_map(Result::ok);
            let entries = entries.filter(|(name, _)| !name.to_ascii_uppercase().starts_with("CODEX_"));
            let entries = entries.map(|(name, value)| (name, Node::Text(SecretValue::new(value))));
            Ok(Some(Node::Object(entries.collect())))
        }
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
