//! The structure that CONTRIBUTING describes: who imports whom, how long a file or a function may
//! be, what each dependency is for, and which code that prints may read a secret's value.

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
const MAX_ENTRIES: usize = 16;
const MAX_FILE_LINES: usize = 400;
const MAX_FUNCTION_LINES: usize = 60;

/// The files of the output layers that may expose a secret's value, with the reason.
const MAY_EXPOSE_VALUES: &[(&str, &str)] = &[
    ("src/commands/auth/login.rs", "trims the key that is stored"),
    ("src/commands/credential/push.rs", "checks what kind of key it is"),
    (
        "src/commands/credential/put.rs",
        "infers the type of an old value",
    ),
    ("src/discover/report.rs", "prints the lines of extract --export"),
    ("src/ui/hidden.rs", "checks what was typed without echo"),
];

#[test]
fn imports_only_go_down() {
    let floor = |module: &str| LAYERS.iter().position(|floor| floor.contains(&module));
    let mut upward = BTreeSet::new();
    for file in sources("src") {
        let inside = file.strip_prefix("src/").unwrap();
        let module = inside.split('/').next().unwrap().trim_end_matches(".rs");
        let own = floor(module).unwrap_or_else(|| panic!("{module} has no floor"));
        let text = read(&file);
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for import in line.split("crate::").skip(1) {
                let name = import.split(|c: char| !c.is_ascii_lowercase()).next().unwrap();
                if name != module && floor(name).is_some_and(|floor| floor <= own) {
                    upward.insert(format!("{file}: {}", line.trim()));
                }
            }
        }
    }
    assert!(upward.is_empty(), "{upward:#?}");
}

/// Files of a folder do not import each other in a circle, directly or through others.
#[test]
fn imports_are_not_circular() {
    let modules: BTreeMap<String, String> = sources("src")
        .into_iter()
        .filter(|file| !file.ends_with("/tests.rs"))
        .map(|file| (module_of(&file), file))
        .collect();
    let mut imports: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (module, file) in &modules {
        let text = read(file);
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let code: Vec<_> = code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        let named = imported_paths(&code.join(" "), module);
        let named = named
            .iter()
            .filter_map(|path| longest_module(path, &modules))
            .filter(|other| other != module);
        imports.insert(module, named.collect());
    }
    // A file without imports from the rest, or not imported by the rest, is not in a circle.
    loop {
        let imported: BTreeSet<&str> = imports.values().flatten().copied().collect();
        let importing: BTreeSet<&str> = imports.keys().copied().collect();
        let before = imports.len();
        imports.retain(|module, others| imported.contains(module) && !others.is_disjoint(&importing));
        if imports.len() == before {
            break;
        }
    }
    let circle: BTreeSet<_> = imports.keys().collect();
    assert!(circle.is_empty(), "{circle:#?}");
}

/// The path of a module, such as `crate::push::plan`.
fn module_of(file: &str) -> String {
    let inside = file.strip_prefix("src/").unwrap().strip_suffix(".rs").unwrap();
    let inside = inside.strip_suffix("/mod").unwrap_or(inside);
    format!("crate::{}", inside.replace('/', "::"))
}

/// The module in a path.
fn longest_module<'m>(path: &str, modules: &'m BTreeMap<String, String>) -> Option<&'m str> {
    let mut path = path;
    loop {
        if let Some((module, _)) = modules.get_key_value(path) {
            return Some(module);
        }
        path = path.rsplit_once("::")?.0;
    }
}

/// The paths in a module's code that begin with `crate`, `super` or `self`.
fn imported_paths(code: &str, module: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (start, _) in code.match_indices("::") {
        let before = &code[..start];
        let word = before
            .rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .next()
            .unwrap();
        let mut rest = &code[start + 2..];
        let mut base = match word {
            "crate" => "crate".to_owned(),
            "self" => module.to_owned(),
            "super" if !before.ends_with("::super") => parent(module),
            _ => continue,
        };
        while let Some(after) = rest.strip_prefix("super::") {
            base = parent(&base);
            rest = after;
        }
        expand(&base, rest, &mut paths);
    }
    paths
}

fn parent(module: &str) -> String {
    module.rsplit_once("::").unwrap().0.to_owned()
}

/// Adds `base::` followed by a path or a list of paths in braces.
fn expand(base: &str, text: &str, paths: &mut Vec<String>) {
    let text = text.trim_start();
    let Some(list) = text.strip_prefix('{') else {
        let is_inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
        let path = text.split(|c| !is_inside(c)).next().unwrap();
        match path.strip_suffix("::") {
            Some(group) => expand(&format!("{base}::{group}"), &text[path.len()..], paths),
            None => paths.push(format!("{base}::{path}")),
        }
        return;
    };
    let (mut depth, mut start) = (0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                expand(base, &list[start..at], paths);
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
}

#[test]
fn files_and_functions_are_short() {
    let entries = fs::read_dir(root().join("src")).unwrap().count();
    assert!(entries <= MAX_ENTRIES, "{entries} entries in src/");
    let mut long = BTreeSet::new();
    for file in sources("src") {
        let text = read(&file);
        let lines: Vec<_> = text.lines().collect();
        if lines.len() > MAX_FILE_LINES {
            long.insert(format!("{file}: {} lines", lines.len()));
        }
        for (start, line) in lines.iter().enumerate() {
            let is_function = [
                "fn ",
                "pub(crate) fn ",
                "pub(super) fn ",
                "async fn ",
                "pub(crate) async fn ",
            ]
            .iter()
            .any(|prefix| line.trim_start().starts_with(prefix));
            // In formatted code, a function ends with a brace in the column of its `fn` line.
            let indent = &line[..line.len() - line.trim_start().len()];
            let closes = |line: &&str| {
                let line = line.strip_prefix(indent).unwrap_or_default();
                line == "}" || (line.ends_with(';') && !line.starts_with(' '))
            };
            let length = lines[start..].iter().position(closes);
            if is_function && length.is_some_and(|length| length >= MAX_FUNCTION_LINES) {
                long.insert(format!("{file}: {}", line.trim()));
            }
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

/// The table in CONTRIBUTING lists exactly the dependencies of the manifest.
#[test]
fn every_dependency_is_explained() {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let mut tables = vec![&manifest];
    let targets = manifest["target"].as_table().unwrap();
    tables.extend(targets.values().map(|target| target.as_table().unwrap()));
    let dependencies: BTreeSet<_> = tables
        .into_iter()
        .flat_map(|table| [table.get("dependencies"), table.get("dev-dependencies")])
        .flatten()
        .flat_map(|table| table.as_table().unwrap().keys().cloned())
        .collect();
    let contributing = read("CONTRIBUTING.md");
    let (_, section) = contributing.split_once("\n## Dependencies\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let named: BTreeSet<_> = rows
        .flat_map(|row| row.split(" | ").next().unwrap().split(", "))
        .map(|name| name.trim_matches('`').to_owned())
        .collect();
    assert_eq!(named, dependencies);
}

/// The fuzz targets compile the program's modules, so they need exactly its dependencies.
#[test]
fn the_fuzz_targets_have_the_dependencies_of_the_program() {
    let mut manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let mut fuzz: toml::Table = read("fuzz/Cargo.toml").parse().unwrap();
    fuzz["dependencies"]
        .as_table_mut()
        .unwrap()
        .remove("libfuzzer-sys");
    for (_, target) in manifest["target"].as_table_mut().unwrap() {
        target.as_table_mut().unwrap().remove("dev-dependencies");
    }
    for table in ["dependencies", "target"] {
        assert_eq!(fuzz[table], manifest[table]);
    }
}

#[test]
fn only_listed_output_files_expose_values() {
    let prints = |file: &String| {
        let is_report = file.ends_with("/report.rs");
        is_report || file.starts_with("src/ui/") || file.starts_with("src/commands/")
    };
    let exposing: Vec<_> = sources("src")
        .into_iter()
        .filter(prints)
        .filter(|file| read(file).contains("expose_secret()"))
        .collect();
    let listed: Vec<_> = MAY_EXPOSE_VALUES.iter().map(|(file, _)| *file).collect();
    assert_eq!(exposing, listed);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file))
        .unwrap()
        .replace("\r\n", "\n")
}

/// The Rust files below a folder, sorted, relative to the repository.
fn sources(folder: &str) -> Vec<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = format!("{folder}/{name}");
        if root().join(&path).is_dir() {
            files.extend(sources(&path));
        } else if Path::new(&name)
            .extension()
            .is_some_and(|extension| extension == "rs")
        {
            files.push(path);
        }
    }
    files.sort();
    files
}
