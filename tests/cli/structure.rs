//! The structure that CONTRIBUTING describes: imports go down only and never in a circle, and every
//! requirement has a test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The layers of `src/`, top to bottom. A module may only import from lower layers.
const LAYERS: &[&[&str]] = &[
    &["main"],
    &["cli"],
    &["commands"],
    &["context"],
    &["push", "credentials"],
    &["api", "discover"],
    &["auth"],
    &["net"],
    &["ui"],
    &["system"],
    &["formats"],
    &["provider", "secret"],
    &["error"],
];

/// The highest number of a requirement. A test names the requirements that it proves at the start of
/// its doc comment: `/// R68, R71: …`.
const LAST_REQUIREMENT: u32 = 167;
/// Numbers that were never given to a requirement.
const UNUSED: &[u32] = &[100];
/// Requirements without a test yet.
const OPEN: &[u32] = &[];

#[test]
fn imports_only_go_down() {
    let layer = |module: &str| LAYERS.iter().position(|layer| layer.contains(&module));
    let mut upward = BTreeSet::new();
    for (file, text) in sources("src") {
        let inside = file.strip_prefix("src/").unwrap();
        let module = inside.split('/').next().unwrap().trim_end_matches(".rs");
        let own = layer(module).unwrap_or_else(|| panic!("{module} has no layer"));
        for line in code(&text) {
            for import in line.split("crate::").skip(1) {
                let name = import.split(|c: char| !c.is_ascii_lowercase()).next().unwrap();
                if name != module && layer(name).is_some_and(|layer| layer <= own) {
                    upward.insert(format!("{file}: {}", line.trim()));
                }
            }
        }
    }
    assert!(upward.is_empty(), "{upward:#?}");
}

/// Files do not import each other in a circle, directly or through others. Imports are written as
/// `use` lines that begin with `crate`, `super` or `self`; a list in braces is one import of each name.
#[test]
fn imports_are_not_circular() {
    let files = sources("src");
    let modules: BTreeMap<String, String> = files
        .into_iter()
        .filter(|(file, _)| !file.ends_with("tests.rs"))
        .map(|(file, text)| {
            let inside = file.trim_start_matches("src/").trim_end_matches(".rs");
            let inside = inside.strip_suffix("/mod").unwrap_or(inside);
            (format!("crate::{}", inside.replace('/', "::")), text)
        })
        .collect();
    let mut imports: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (module, text) in &modules {
        let paths = imported_paths(&code(text).collect::<Vec<_>>().join(" "), module);
        let found = paths.iter().filter_map(|path| longest_module(path, &modules));
        imports.insert(module, found.filter(|other| other != module).collect());
    }
    // Removes what is in no circle: files that import nothing of the rest, or that nothing imports.
    loop {
        let imported: BTreeSet<&str> = imports.values().flatten().copied().collect();
        let importing: BTreeSet<&str> = imports.keys().copied().collect();
        let before = imports.len();
        imports.retain(|module, others| imported.contains(module) && !others.is_disjoint(&importing));
        if imports.len() == before {
            break;
        }
    }
    assert!(imports.is_empty(), "{imports:#?}");
}

/// The module that a path leads to: its longest start that is a module.
fn longest_module<'m>(path: &str, modules: &'m BTreeMap<String, String>) -> Option<&'m str> {
    let starts = std::iter::successors(Some(path), |path| Some(path.rsplit_once("::")?.0));
    let mut known = starts.filter_map(|start| modules.get_key_value(start));
    known.next().map(|(module, _)| module.as_str())
}

/// The absolute paths that `use` declarations in `code` import into `module`.
fn imported_paths(code: &str, module: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for declaration in code.split("use ").skip(1) {
        let declaration = declaration.split(';').next().unwrap();
        let (start, mut rest) = declaration.split_once("::").unwrap_or((declaration, ""));
        let parent = |module: &str| module.rsplit_once("::").unwrap().0.to_owned();
        let mut base = match start.trim() {
            "crate" => "crate".to_owned(),
            "self" => module.to_owned(),
            "super" => parent(module),
            _ => continue,
        };
        while let Some(after) = rest.strip_prefix("super::") {
            (base, rest) = (parent(&base), after);
        }
        match rest.split_once('{') {
            None => paths.push(format!("{base}::{rest}")),
            Some((prefix, list)) => {
                let names = list.split(['{', '}', ',']).map(str::trim);
                let names = names.filter(|name| !name.is_empty());
                paths.extend(names.map(|name| format!("{base}::{prefix}{name}")));
            }
        }
    }
    paths
}

/// Every requirement has a test, and no test names one that does not exist.
#[test]
fn every_requirement_has_a_test() {
    let mut proven = BTreeSet::new();
    for (_, text) in sources("src").into_iter().chain(sources("tests")) {
        let docs = text.lines().filter_map(|line| line.trim().strip_prefix("/// R"));
        proven.extend(docs.flat_map(|doc| numbers(doc.split(':').next().unwrap())));
    }
    let required = (1..=LAST_REQUIREMENT).filter(|number| !UNUSED.contains(number));
    let missing: BTreeSet<u32> = required.filter(|number| !proven.contains(number)).collect();
    assert_eq!(missing, OPEN.iter().copied().collect());
    let unknown = |number: &&u32| **number > LAST_REQUIREMENT || UNUSED.contains(*number);
    assert_eq!(proven.iter().find(unknown), None);
}

/// The numbers of `68, R71 to R73`.
fn numbers(text: &str) -> Vec<u32> {
    let mut found: Vec<u32> = Vec::new();
    let mut range = false;
    for word in text.split([' ', ',']) {
        match (word.trim_start_matches('R').parse(), found.last()) {
            (Ok(number), Some(&last)) if range => found.extend(last + 1..=number),
            (Ok(number), _) => found.push(number),
            _ => {}
        }
        range = word == "to";
    }
    found
}

/// The lines of the program, without comments and tests.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    code.lines().filter(|line| !line.trim_start().starts_with("//"))
}

/// The Rust files below a folder, relative to the repository, with their text.
fn sources(folder: &str) -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = format!("{folder}/{name}");
        if root.join(&path).is_dir() {
            files.extend(sources(&path));
        } else if Path::new(&name)
            .extension()
            .is_some_and(|extension| extension == "rs")
        {
            let text = fs::read_to_string(root.join(&path)).unwrap();
            files.insert(path, text.replace("\r\n", "\n"));
        }
    }
    files
}
